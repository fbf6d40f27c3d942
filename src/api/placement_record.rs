//! The annotation on each placement's composed resource: the memory that survives a lost status.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::inference_environment::KubeconfigSecret;
use super::model_deployment::ModelRef;
use super::model_deployment_status::PhaseItem;
use super::selector::LabelSelector;

/// What a placement was decided on. Written as JSON into one annotation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PlacementRecord {
    /// The model it was decided for.
    pub model: ModelRef,
    /// The serving profile.
    pub profile: String,
    /// The decode phase, or the one phase of Unified.
    pub decode: PhaseRecord,
    /// The prefill phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<PhaseRecord>,
    /// The deployment's own selector at the time.
    #[serde(default)]
    pub selector: LabelSelector,
    /// The Secret that the environment's cluster was reached with, by which a cluster is known when its environment is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<KubeconfigSecret>,
    /// Whether it was ever ready.
    #[serde(default)]
    pub settled: bool,
}

impl From<&PhaseItem> for PhaseRecord {
    fn from(item: &PhaseItem) -> Self {
        let PhaseItem { pool, gpus_per_replica, replicas, max_replicas, .. } = item.clone();
        Self { pool, gpus_per_replica, replicas, max_replicas }
    }
}

/// `1-3 x 4 GPUs on h200`, for people.
impl fmt::Display for PhaseRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, gpus_per_replica, replicas, max_replicas } = self;
        let most = max_replicas.map(|most| format!("-{most}")).unwrap_or_default();
        write!(f, "{replicas}{most} x {gpus_per_replica} GPUs on {pool}")
    }
}

/// One phase of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseRecord {
    /// The node pool.
    pub pool: String,
    /// GPUs of one replica.
    pub gpus_per_replica: u32,
    /// Replicas at the last decision; where an autoscaler decides, the fewest.
    pub replicas: u32,
    /// The most replicas, where an autoscaler decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
}
