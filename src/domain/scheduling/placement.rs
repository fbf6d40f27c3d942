//! A placement: one environment and topology that serves a deployment.

use std::collections::BTreeMap;

use super::{freeze::Freeze, ledger::Charge, sizing::Sizing};
use crate::api::{
    inference_environment::Availability, llm_inference_service::RequestedService, place::Place, placement_record::PlacementRecord,
};
use crate::domain::spec::environment::{ClusterIdentity, Environment};
use crate::domain::spec::violation::Violation;

/// A placement as it is observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// The environment's name when it was placed, by which its resource keys go for life.
    pub slot: String,
    /// Where it is, by the environment's name when that was last looked at.
    pub place: Place,
    /// What it was decided on; `None` when neither annotation nor status remembers.
    pub record: Option<PlacementRecord>,
    /// What its serving object asks for.
    pub requested: RequestedService,
    /// Whether it is in the control plane's own cluster.
    pub local: bool,
    /// Whether it serves now.
    pub ready: bool,
    /// The accelerator labels of decode and prefill, which cannot change.
    pub accelerators: (Option<String>, Option<String>),
}

impl Existing {
    /// The cluster that it is on, where that is known without its environment.
    pub fn cluster(&self) -> Option<ClusterIdentity> {
        if self.local {
            return Some(ClusterIdentity::Local);
        }
        self.record.as_ref()?.cluster.clone().map(ClusterIdentity::Kubeconfig)
    }

    /// Whether it was ready once.
    pub fn is_settled(&self) -> bool {
        self.ready || self.record.as_ref().is_some_and(|record| record.settled)
    }

    /// What it holds, as far as that is remembered.
    pub fn charges(&self) -> Vec<Charge> {
        charges(self.record.as_ref())
    }
}

/// A placement that was reported and whose serving object is not there: it is not seen yet, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Where it is.
    pub place: Place,
    /// Its profile.
    pub profile: String,
    /// Its pools: decode's, or that of the one phase, and prefill's.
    pub pools: Vec<String>,
    /// Whether its object was seen before.
    pub was_seen: bool,
}

/// What is known of an environment.
#[derive(Debug, Clone, PartialEq)]
pub enum EnvironmentState {
    /// It keeps the rules.
    Usable(Box<Environment>),
    /// It exists but breaks rules.
    Invalid(InvalidEnvironment),
}

/// An environment that breaks rules. Nothing comes there, but what is there may have to leave all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidEnvironment {
    /// The rules.
    pub violations: Vec<Violation>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether models may stay.
    pub availability: Availability,
}

/// The environments that were looked up, by name. One that is missing does not exist.
pub type Environments = BTreeMap<String, EnvironmentState>;

/// A placement as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The name that its resource keys go by.
    pub slot: String,
    /// Where it is.
    pub place: Place,
    /// The serving profile's name; empty when nobody remembers.
    pub profile: String,
    /// What happens to it.
    pub action: Action,
}

/// What happens to a placement.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It is rendered.
    Render(Sizing),
    /// It is left exactly as it is observed.
    Freeze(Freeze, Option<PlacementRecord>),
}

impl Placement {
    /// Whether it leaves once others serve in its place.
    pub fn is_leaving(&self) -> bool {
        matches!(&self.action, Action::Freeze(freeze, _) if freeze.is_leaving())
    }

    /// What it holds of the environment's pools.
    pub fn charges(&self) -> Vec<Charge> {
        match &self.action {
            Action::Render(sizing) => sizing.charges(),
            Action::Freeze(_, record) => charges(record.as_ref()),
        }
    }
}

fn charges(record: Option<&PlacementRecord>) -> Vec<Charge> {
    record.iter().flat_map(|record| record.phases()).map(Charge::from).collect()
}
