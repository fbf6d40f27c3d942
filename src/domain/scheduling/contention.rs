//! Pools that were promised to more pods than they hold: who gives up, and what is missing to who stays.
//!
//! Two deployments that decide in the same instant can both take the last GPUs. Of the holders of such a pool those that
//! came later yield, as far as the others need it, and are placed again. What was ready once never yields.

use super::holdings::{Fleet, Seniority};
use super::ledger::{Charge, Ledger};
use crate::domain::spec::environment::Environment;

/// GPUs that a placement has been promised and that its pool does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortage {
    /// The environment's name.
    pub environment: String,
    /// The pool's id.
    pub pool: String,
    /// GPUs that are missing.
    pub gpus: u64,
    /// GPUs of the pool.
    pub total: u64,
}

/// How a placement stands in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays; this is what is missing to it, by pool.
    Stays(Vec<Shortage>),
    /// Another came first.
    Yields,
}

/// What is missing to a placement that holds `charges` beside all that a ledger has, by pool.
pub fn shortages(environment: &str, mut ledger: Ledger, charges: &[Charge]) -> Vec<Shortage> {
    for charge in charges {
        ledger.charge(charge);
    }
    let shortage = |charge: &Charge| Shortage {
        environment: environment.to_owned(),
        pool: charge.pool.clone(),
        gpus: ledger.unplaced(&charge.pool),
        total: ledger.total(&charge.pool),
    };
    let mut found: Vec<Shortage> = charges.iter().map(shortage).filter(|shortage| shortage.gpus > 0).collect();
    found.sort();
    found.dedup();
    found
}

/// Judges a placement that holds `charges`, beside `beside`, what the same deployment holds there otherwise.
pub fn judge(environment: &Environment, fleet: &Fleet, seniority: &Seniority, charges: &[Charge], beside: &[Charge]) -> Verdict {
    let mut ledger = Ledger::new(&environment.pools);
    let standing: Vec<&Charge> = fleet
        .in_environment(&environment.name)
        .filter(|holding| holding.seniority.stands_against(seniority))
        .map(|holding| &holding.charge)
        .collect();
    for charge in beside {
        ledger.charge(charge);
    }
    // What would be missing without the others is nobody else's doing.
    let alone = shortages(&environment.name, ledger.clone(), charges);
    for charge in &standing {
        ledger.charge(charge);
    }
    let shortages = shortages(&environment.name, ledger, charges);
    let more = |shortage: &Shortage| alone.iter().all(|alone| alone.pool != shortage.pool || alone.gpus < shortage.gpus);
    let contended = shortages.iter().any(|shortage| more(shortage) && standing.iter().any(|charge| charge.pool == shortage.pool));
    if contended && !seniority.is_settled() { Verdict::Yields } else { Verdict::Stays(shortages) }
}
