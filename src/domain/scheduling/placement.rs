//! A placement: one environment and topology that serves a deployment.

use std::collections::BTreeMap;
use std::fmt;

use crate::api::inference_environment::Availability;
use crate::api::llm_inference_service::RequestedService;
use crate::api::model_deployment::Topology;
use crate::api::placement_record::PlacementRecord;
use crate::domain::scheduling::ledger::Charge;
use crate::domain::scheduling::sizing::Sizing;
use crate::domain::spec::environment::{ClusterIdentity, Environment};
use crate::domain::spec::violation::Violation;

/// A placement as it is observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// The environment's name when it was placed, by which its resource keys go for life.
    pub slot: String,
    /// The environment's name when it was last looked at.
    pub environment: String,
    /// Its topology.
    pub topology: Topology,
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
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterIdentity> {
        if self.local {
            return Some(ClusterIdentity::Local);
        }
        self.record.as_ref()?.cluster.clone().map(ClusterIdentity::Kubeconfig)
    }

    /// Whether it was ready once.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.ready || self.record.as_ref().is_some_and(|record| record.settled)
    }

    /// What it holds, as far as that is remembered.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        charges(self.record.as_ref())
    }
}

/// A placement that was reported and whose serving object is not there: it is not seen yet, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The environment's name.
    pub environment: String,
    /// Its topology.
    pub topology: Topology,
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
    /// The environment's name.
    pub environment: String,
    /// Its topology.
    pub topology: Topology,
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

/// Why a placement is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freeze {
    /// Its environment does not exist.
    EnvironmentGone,
    /// Its environment is being deleted.
    EnvironmentDeleting,
    /// Its environment is being emptied.
    EnvironmentDraining,
    /// Its environment breaks rules.
    EnvironmentInvalid(String),
    /// Its environment is no longer the cluster that it is on.
    EnvironmentChanged,
    /// Its environment has no ClusterProviderConfig.
    ProviderConfigGone,
    /// The model has no profile of this name and topology.
    ProfileGone,
    /// The model's profile of this name breaks rules.
    ProfileInvalid,
    /// The model was changed, and no profile of the new one fits the pools.
    ModelChanged,
    /// The environment lacks a pool of this name.
    PoolGone(String),
    /// Nobody remembers what it was decided on.
    RecordGone,
    /// The deployment's own selector no longer matches.
    SelectorChanged,
    /// The deployment's topology is another.
    TopologyChanged,
}

impl Freeze {
    /// Whether the placement leaves once others serve in its place.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        match self {
            Self::EnvironmentGone
            | Self::EnvironmentDeleting
            | Self::EnvironmentDraining
            | Self::SelectorChanged
            | Self::TopologyChanged => true,
            Self::EnvironmentInvalid(_)
            | Self::EnvironmentChanged
            | Self::ProviderConfigGone
            | Self::ProfileGone
            | Self::ProfileInvalid
            | Self::ModelChanged
            | Self::PoolGone(_)
            | Self::RecordGone => false,
        }
    }

    /// Whether a reason in a status says that a placement is left as it is, and not how far it is.
    #[must_use]
    pub fn is_code(reason: &str) -> bool {
        let without_text = [
            Self::EnvironmentGone,
            Self::EnvironmentDeleting,
            Self::EnvironmentDraining,
            Self::EnvironmentInvalid(String::new()),
            Self::EnvironmentChanged,
            Self::ProviderConfigGone,
            Self::ProfileGone,
            Self::ProfileInvalid,
            Self::ModelChanged,
            Self::PoolGone(String::new()),
            Self::RecordGone,
            Self::SelectorChanged,
            Self::TopologyChanged,
        ];
        without_text.iter().any(|freeze| freeze.code() == reason)
    }

    /// The word that machines read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EnvironmentGone => "EnvironmentGone",
            Self::EnvironmentDeleting => "EnvironmentDeleting",
            Self::EnvironmentDraining => "EnvironmentDraining",
            Self::EnvironmentInvalid(_) => "EnvironmentInvalid",
            Self::EnvironmentChanged => "EnvironmentChanged",
            Self::ProviderConfigGone => "ProviderConfigGone",
            Self::ProfileGone => "ProfileGone",
            Self::ProfileInvalid => "ProfileInvalid",
            Self::ModelChanged => "ModelChanged",
            Self::PoolGone(_) => "PoolGone",
            Self::RecordGone => "RecordGone",
            Self::SelectorChanged => "SelectorChanged",
            Self::TopologyChanged => "TopologyChanged",
        }
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnvironmentGone => {
                f.write_str("the environment does not exist; the placement stays as it is until a replacement is ready")
            }
            Self::EnvironmentDeleting => {
                f.write_str("the environment is being deleted; the placement stays as it is until a replacement is ready")
            }
            Self::EnvironmentDraining => {
                f.write_str("the environment is draining; the placement stays as it is until a replacement is ready")
            }
            Self::EnvironmentInvalid(why) => write!(f, "the environment is invalid, so the placement stays as it is: {why}"),
            Self::EnvironmentChanged => f.write_str(
                "spec.cluster of the environment names another cluster than the one that the placement is on, so it stays as it is; undo \
                 that, and give the other cluster an environment of its own",
            ),
            Self::ProviderConfigGone => {
                f.write_str("the environment has no status.providerConfigRef, so the placement stays as it is; find out why it was lost")
            }
            Self::ProfileGone => f.write_str(
                "the model has no profile of this name and topology any more, so the placement stays as it is; restore the profile",
            ),
            Self::ProfileInvalid => f.write_str("the profile breaks rules, so the placement stays as it is; see condition ProfileValid"),
            Self::ModelChanged => f.write_str(
                "no profile of the new model fits the placement's pools, so it stays as it is; add one, or restore spec.modelRef",
            ),
            Self::PoolGone(pool) => {
                write!(f, "the environment has no pool {pool} any more, so the placement stays as it is; restore the pool")
            }
            Self::RecordGone => f.write_str(
                "annotation modelplane.ai/placement is missing or unreadable, so the placement stays as it is; restore the annotation",
            ),
            Self::SelectorChanged => f.write_str(
                "spec.environmentSelector no longer matches the environment; the placement stays as it is until a replacement is ready",
            ),
            Self::TopologyChanged => {
                f.write_str("spec.topology was changed; the placement stays as it is until every one of the new topology is ready")
            }
        }
    }
}

impl Placement {
    /// Whether it leaves once others serve in its place.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        matches!(&self.action, Action::Freeze(freeze, _) if freeze.is_leaving())
    }

    /// What it holds of the environment's pools.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        match &self.action {
            Action::Render(sizing) => sizing.charges(),
            Action::Freeze(_, record) => charges(record.as_ref()),
        }
    }
}

fn charges(record: Option<&PlacementRecord>) -> Vec<Charge> {
    record.iter().flat_map(|record| std::iter::once(&record.decode).chain(&record.prefill)).map(Charge::from).collect()
}
