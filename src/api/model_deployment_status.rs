//! What the function reports of a ModelDeployment, and reads back from other deployments to know what they hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    absent::null_is_default, condition::Condition, inference_environment::KubeconfigSecret, metadata::Metadata, model_deployment::Topology,
    place::Place, selector::LabelSelector,
};

/// A ModelDeployment, of which only the status is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ReportedDeployment {
    /// Metadata.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Metadata,
    /// The status.
    #[serde(deserialize_with = "null_is_default")]
    pub status: ModelDeploymentStatus,
}

/// The status of a ModelDeployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ModelDeploymentStatus {
    /// The model as requests name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// One URL for all placements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Where the model is placed.
    pub placements: Placements,
    /// The last scheduling decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// Crossplane's conditions and ours.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub conditions: Vec<Condition>,
}

/// The model as requests name it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ModelName {
    /// The name.
    pub name: String,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Endpoint {
    /// The URL.
    pub url: String,
}

/// Where the model is placed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Placements {
    /// Placements that are composed now. What is wanted is `spec.environments`.
    pub total: u32,
    /// Placements that are ready.
    pub ready: u32,
    /// `ready/total`, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Each placement, sorted by environment and topology.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<PlacementItem>,
}

/// One environment and topology.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacementItem {
    /// The environment's name.
    pub environment: String,
    /// The composition's name for what serves: it stays when the environment is renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The uid of the object that serves; none until it is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The Secret that its cluster is reached with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<KubeconfigSecret>,
    /// The placement's topology.
    pub topology: Topology,
    /// The serving profile.
    pub profile: String,
    /// What the environment had to have: the deployment's selector, the profile's and the RDMA pin together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_selector: Option<LabelSelector>,
    /// Whether it serves.
    pub ready: bool,
    /// Whether it ever was ready.
    pub settled: bool,
    /// Why it is not ready, or why it is frozen, as one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it is not ready, or why it is frozen, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The decode phase, or the one phase of Unified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decode: Option<PhaseItem>,
    /// The prefill phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<PhaseItem>,
}

impl PlacementItem {
    /// Where it is.
    pub fn place(&self) -> Place {
        Place::new(&self.environment, self.topology)
    }

    /// Decode, or the one phase of Unified, then prefill, as far as they are known.
    pub fn phases(&self) -> impl Iterator<Item = &PhaseItem> {
        self.decode.iter().chain(&self.prefill)
    }
}

/// One phase of a placement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PhaseItem {
    /// The node pool it is pinned to.
    pub pool: String,
    /// GPUs of one replica.
    pub gpus_per_replica: u32,
    /// Replicas that are wanted, or the least of them; one is held even where none is wanted always.
    pub replicas: u32,
    /// The most replicas, where an autoscaler decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
    /// Replicas that serve now, where KServe reports them (v0.20 and later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<u32>,
    /// Whether the phase is available.
    pub ready: bool,
}

/// A scheduling decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Scheduling {
    /// Environments that were looked at.
    pub considered: u32,
    /// Environments that passed every check, or hold a placement already.
    pub matched: u32,
    /// Environments that were turned down.
    pub rejected_total: u32,
    /// How many were turned down for which reason, in a sentence. The condition PlacementsScheduled repeats it: Crossplane writes
    /// conditions after the status, and calls again in between.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The first of them by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<RejectedEnvironment>,
}

/// Why an environment was turned down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct RejectedEnvironment {
    /// The environment's name.
    pub environment: String,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}
