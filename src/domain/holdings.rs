//! What other deployments hold of the environments' pools, and who came first.

use std::collections::BTreeMap;

use crate::api::metadata::Metadata;
use crate::api::model_deployment_status::ModelDeploymentStatus;
use crate::api::placement_record::PhaseRecord;
use crate::domain::deployment::Deployment;
use crate::domain::environment::Environment;
use crate::domain::ledger::{Charge, Ledger};

/// Who came first among the holders of a pool: what was ready once, then the older deployment, then by name. The senior
/// is the lesser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seniority {
    unsettled: bool,
    /// A deployment without a time, which only a file has, is younger than any with one.
    created: (bool, Option<String>),
    name: (String, String),
}

impl Seniority {
    /// The place of one of a deployment's placements.
    #[must_use]
    pub fn of(deployment: &Deployment, settled: bool) -> Self {
        let Deployment { namespace, name, created, .. } = deployment;
        Self::new(namespace, name, created.as_ref(), settled)
    }

    fn new(namespace: &str, name: &str, created: Option<&String>, settled: bool) -> Self {
        let name = (namespace.to_owned(), name.to_owned());
        Self { unsettled: !settled, created: (created.is_none(), created.cloned()), name }
    }

    /// Whether a placement with this place keeps what it has although one with the other's needs it.
    #[must_use]
    pub fn stands_against(&self, other: &Self) -> bool {
        !self.unsettled || self < other
    }

    /// Whether the placement was ready once: then it never yields.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.unsettled
    }
}

/// GPUs that a deployment holds in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The environment's name.
    pub environment: String,
    /// What is held.
    pub charge: Charge,
    /// Who holds it.
    pub seniority: Seniority,
}

/// What a deployment holds, as its status says.
#[must_use]
pub fn holdings(deployment: &Metadata, status: &ModelDeploymentStatus) -> Vec<Holding> {
    let mut found = Vec::new();
    for item in &status.placements.items {
        let Metadata { namespace, name, creation_timestamp, .. } = deployment;
        let seniority = Seniority::new(namespace, name, creation_timestamp.as_ref(), item.settled || item.ready);
        found.extend(item.decode.iter().chain(&item.prefill).map(|phase| Holding {
            environment: item.environment.clone(),
            charge: Charge::from(&PhaseRecord::from(phase)),
            seniority: seniority.clone(),
        }));
    }
    found
}

/// What all other deployments hold, by environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet(BTreeMap<String, Vec<Holding>>);

impl Fleet {
    /// Collects what they hold.
    #[must_use]
    pub fn new(holdings: impl IntoIterator<Item = Holding>) -> Self {
        let mut fleet: BTreeMap<String, Vec<Holding>> = BTreeMap::new();
        for holding in holdings {
            fleet.entry(holding.environment.clone()).or_default().push(holding);
        }
        Self(fleet)
    }

    /// What others hold in an environment.
    pub fn in_environment(&self, name: &str) -> impl Iterator<Item = &Holding> {
        self.0.get(name).into_iter().flatten()
    }

    /// An environment's pools with everything that others hold there.
    #[must_use]
    pub fn ledger(&self, environment: &Environment) -> Ledger {
        let mut ledger = Ledger::new(&environment.pools);
        self.in_environment(&environment.name).for_each(|holding| ledger.charge(&holding.charge));
        ledger
    }
}
