//! Pools that are promised to more pods than they have room for, and to whose.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::{API_VERSION, inference_environment};
use crate::cli::plane::settling::Course;
use crate::domain::scheduling::holdings::reported;
use crate::domain::scheduling::ledger::{Charge, Ledger};
use crate::function::reading::read_environment;

/// A pool that is promised to more pods than it has room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShortPool {
    pub(crate) environment: String,
    pub(crate) pool: String,
    /// GPUs that are missing.
    pub(crate) gpus: u64,
    /// GPUs that it has.
    pub(crate) total: u64,
    /// GPUs that are promised.
    pub(crate) held: u64,
    /// To whom, the most first.
    pub(crate) holders: Vec<Holder>,
}

/// A deployment that holds GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Holder {
    /// `namespace/name`.
    pub(crate) deployment: String,
    pub(crate) gpus: u64,
}

/// The pools that are short with a change, and without it were not, or of less.
pub(crate) fn new_shortages(without: &Course, with: &Course) -> Vec<ShortPool> {
    let before = short_pools(without);
    let known = |pool: &ShortPool| {
        let same = |old: &&ShortPool| old.environment == pool.environment && old.pool == pool.pool;
        before.iter().find(same).is_some_and(|old| old.gpus >= pool.gpus)
    };
    short_pools(with).into_iter().filter(|pool| !known(pool)).collect()
}

/// As it is in the end, by environment.
fn short_pools(course: &Course) -> Vec<ShortPool> {
    let mut held: BTreeMap<String, Vec<(String, Charge)>> = BTreeMap::new();
    for (key, standing) in &course.settled {
        for (environment, placement) in reported(&standing.metadata, &standing.status) {
            let charges = placement.charges.into_iter().map(|charge| (key.full_name(), charge));
            held.entry(environment).or_default().extend(charges);
        }
    }
    let mut found = Vec::new();
    for key in course.plane.keys_of(API_VERSION, inference_environment::KIND) {
        let Ok(environment) = read_environment(course.plane.bytes(&key)) else { continue };
        let held = held.get(&environment.name).map(Vec::as_slice).unwrap_or_default();
        let mut ledger = Ledger::new(&environment.pools);
        for (_, charge) in held {
            ledger.charge(charge);
        }
        let short = environment.pools.iter().filter(|pool| ledger.unplaced(&pool.id) > 0);
        found.extend(short.map(|pool| ShortPool {
            environment: environment.name.clone(),
            pool: pool.id.clone(),
            gpus: ledger.unplaced(&pool.id),
            total: ledger.total(&pool.id),
            held: ledger.held(&pool.id),
            holders: holders(held, &pool.id),
        }));
    }
    found
}

fn holders(held: &[(String, Charge)], pool: &str) -> Vec<Holder> {
    let mut gpus: BTreeMap<&str, u64> = BTreeMap::new();
    for (deployment, charge) in held.iter().filter(|(_, charge)| charge.pool == pool) {
        let sum = gpus.entry(deployment).or_default();
        *sum = sum.saturating_add(charge.gpus());
    }
    let mut holders: Vec<Holder> = gpus.into_iter().map(|(deployment, gpus)| Holder { deployment: deployment.to_owned(), gpus }).collect();
    holders.sort_by_key(|holder| std::cmp::Reverse(holder.gpus));
    holders
}
