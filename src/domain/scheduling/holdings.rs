//! What other deployments hold of the environments' pools, and who came first.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::{Charge, Ledger};
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem};
use crate::api::{metadata::Metadata, model_deployment::Topology, placement_record::PhaseRecord};
use crate::domain::spec::deployment::{Deployment, holder};
use crate::domain::spec::environment::Environment;

/// Who came first among the holders of a pool: what was ready once, then the older deployment, then by holder. The senior
/// is the lesser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seniority {
    unsettled: bool,
    /// A deployment without a time, which only a file has, is younger than any with one.
    created: (bool, Option<String>),
    holder: String,
}

impl Seniority {
    /// The place of one of a deployment's placements.
    pub fn of(deployment: &Deployment, settled: bool) -> Self {
        Self::new(deployment.holder(), deployment.created.clone(), settled)
    }

    /// The place of a placement, whoever's it is.
    pub fn new(holder: String, created: Option<String>, settled: bool) -> Self {
        Self { unsettled: !settled, created: (created.is_none(), created), holder }
    }

    /// Whether a placement with this place keeps what it has although one with the other's needs it.
    pub fn stands_against(&self, other: &Self) -> bool {
        !self.unsettled || self < other
    }

    /// Whether the placement was ready once: then it never yields.
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

/// A placement that stands on an environment, whoever's it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its deployment: see [`Deployment::holder`].
    pub holder: String,
    /// When its deployment was created.
    pub created: Option<String>,
    /// Its topology.
    pub topology: Topology,
    /// Whether it was ready once, as far as that is believed.
    pub settled: bool,
    /// What it holds.
    pub charges: Vec<Charge>,
}

impl Standing {
    /// Whether it is the same placement as another, which was told of in another way.
    pub fn is_same(&self, other: &Self) -> bool {
        self.holder == other.holder && self.topology == other.topology
    }

    /// What it holds of an environment.
    pub fn holdings(self, environment: &str) -> impl Iterator<Item = Holding> {
        let seniority = Seniority::new(self.holder, self.created, self.settled);
        let holding = move |charge| Holding { environment: environment.to_owned(), charge, seniority: seniority.clone() };
        self.charges.into_iter().map(holding)
    }
}

/// What a deployment holds, as its status says, each with its environment.
pub fn reported(deployment: &Metadata, status: &ModelDeploymentStatus) -> Vec<(String, Standing)> {
    let Metadata { namespace, name, uid, creation_timestamp, .. } = deployment;
    let standing = |item: &PlacementItem| Standing {
        holder: holder(uid.as_deref(), namespace, name),
        created: creation_timestamp.clone(),
        topology: item.topology,
        settled: item.settled || item.ready,
        charges: item.decode.iter().chain(&item.prefill).map(|phase| Charge::from(&PhaseRecord::from(phase))).collect(),
    };
    status.placements.items.iter().map(|item| (item.environment.clone(), standing(item))).collect()
}

/// What all other deployments hold, by environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    holdings: BTreeMap<String, Vec<Holding>>,
    /// Environments of which only a sum is known, which may be some time old.
    summed: BTreeSet<String>,
}

impl Fleet {
    /// Collects what they hold.
    pub fn new(holdings: impl IntoIterator<Item = Holding>) -> Self {
        let mut fleet = Self::default();
        for holding in holdings {
            fleet.holdings.entry(holding.environment.clone()).or_default().push(holding);
        }
        fleet
    }

    /// Adds what was looked at in an environment.
    pub fn add(&mut self, environment: &str, holdings: impl IntoIterator<Item = Holding>) {
        self.holdings.entry(environment.to_owned()).or_default().extend(holdings);
    }

    /// Adds what a sum, or a status, says of an environment: it is to be verified before anything relies on it.
    pub fn add_sum(&mut self, environment: &str, holdings: impl IntoIterator<Item = Holding>) {
        self.add(environment, holdings);
        self.summed.insert(environment.to_owned());
    }

    /// Whether what is known of an environment was looked at only now.
    pub fn is_verified(&self, environment: &str) -> bool {
        !self.summed.contains(environment)
    }

    /// What others hold in an environment.
    pub fn in_environment(&self, name: &str) -> impl Iterator<Item = &Holding> {
        self.holdings.get(name).into_iter().flatten()
    }

    /// An environment's pools with everything that others hold there.
    pub fn ledger(&self, environment: &Environment) -> Ledger {
        let mut ledger = Ledger::new(&environment.pools);
        self.in_environment(&environment.name).for_each(|holding| ledger.charge(&holding.charge));
        ledger
    }
}
