//! The sum of what stands on an environment: made by the environment's own call, and read by deployments.

use std::collections::BTreeMap;

use super::holdings::{Holding, Seniority, Standing};
use super::ledger::{Charge, Ledger};
use crate::api::environment_ledger::{EnvironmentLedger, GpuCounts, PodCount, PoolLedger, PoolPods, StartingPlacement};
use crate::domain::spec::environment::{Environment, Pool};

/// Sums up the placements that stand on pools. Of these, `unlabelled` only the status of their deployment tells of.
pub fn sum_up(pools: &[Pool], standing: &[Standing], unlabelled: usize) -> EnvironmentLedger {
    let mut ledger = Ledger::new(pools);
    standing.iter().flat_map(|placement| &placement.charges).for_each(|charge| ledger.charge(charge));
    let pool = |pool: &Pool| PoolLedger {
        name: pool.id.clone(),
        gpus: GpuCounts {
            total: ledger.total(&pool.id),
            held: ledger.held(&pool.id),
            free: ledger.free(&pool.id),
            missing: ledger.unplaced(&pool.id),
        },
        pods: ledger.pods(&pool.id).map(|(gpus_per_replica, count)| PodCount { gpus_per_replica, replicas: number(count) }).collect(),
    };
    let pools: Vec<PoolLedger> = pools.iter().map(pool).collect();
    let mut starting: Vec<StartingPlacement> = standing.iter().filter(|placement| !placement.settled).map(starting).collect();
    starting.sort_by_cached_key(|placement| {
        let held: Vec<_> = placement.pods.iter().map(|pods| (pods.pool.clone(), pods.gpus_per_replica, pods.replicas)).collect();
        (Seniority::new(placement.uid.clone(), placement.created.clone(), false), held)
    });
    let gpus = pools.iter().fold(GpuCounts::default(), |all, pool| GpuCounts {
        total: all.total.saturating_add(pool.gpus.total),
        held: all.held.saturating_add(pool.gpus.held),
        free: all.free.saturating_add(pool.gpus.free),
        missing: all.missing.saturating_add(pool.gpus.missing),
    });
    EnvironmentLedger { placements: number(standing.len()), unlabelled: number(unlabelled), gpus, pools, starting }
}

fn starting(placement: &Standing) -> StartingPlacement {
    let pods = |charge: &Charge| {
        let Charge { pool, gpus_per_replica, replicas } = charge.clone();
        PoolPods { pool, gpus_per_replica, replicas }
    };
    StartingPlacement {
        uid: placement.holder.clone(),
        created: placement.created.clone(),
        pods: placement.charges.iter().map(pods).collect(),
    }
}

fn number(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}

/// Pods by their pool and size.
type Pods = BTreeMap<(String, u32), u64>;

/// What others hold of an environment, as its sum says. `own` are the deployment's own placements there that were ready once: the sum has
/// counted them long ago. Those that were not are in the sum by name, if at all.
pub fn held_by_others(environment: &Environment, sum: &EnvironmentLedger, holder: &str, own: &[Charge]) -> Vec<Holding> {
    let mut pods = Pods::new();
    for pool in &sum.pools {
        for count in &pool.pods {
            add(&mut pods, (&pool.name, count.gpus_per_replica), count.replicas);
        }
    }
    let mut own_settled = Pods::new();
    for charge in own {
        add(&mut own_settled, (&charge.pool, charge.gpus_per_replica), charge.replicas);
    }
    let mut holdings = Vec::new();
    for placement in &sum.starting {
        for PoolPods { pool, gpus_per_replica, replicas } in placement.pods.clone() {
            take(&mut pods, (&pool, gpus_per_replica), u64::from(replicas));
            if placement.uid == holder {
                // It has become ready since.
                take(&mut own_settled, (&pool, gpus_per_replica), u64::from(replicas));
            } else {
                let seniority = Seniority::new(placement.uid.clone(), placement.created.clone(), false);
                let charge = Charge { pool, gpus_per_replica, replicas };
                holdings.push(Holding { environment: environment.name.clone(), charge, seniority });
            }
        }
    }
    for ((pool, gpus), count) in own_settled {
        take(&mut pods, (&pool, gpus), count);
    }
    let settled = |((pool, gpus_per_replica), count)| Holding {
        environment: environment.name.clone(),
        charge: Charge { pool, gpus_per_replica, replicas: number(count) },
        seniority: Seniority::new(String::new(), None, true),
    };
    holdings.extend(pods.into_iter().filter(|(_, count)| *count > 0).map(settled));
    holdings
}

fn add(pods: &mut Pods, (pool, gpus): (&str, u32), replicas: u32) {
    let count = pods.entry((pool.to_owned(), gpus)).or_default();
    *count = count.saturating_add(u64::from(replicas));
}

fn take(pods: &mut Pods, (pool, gpus): (&str, u32), count: u64) {
    if let Some(there) = pods.get_mut(&(pool.to_owned(), gpus)) {
        *there = there.saturating_sub(count);
    }
}
