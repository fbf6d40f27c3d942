//! Which GPUs of an environment are promised: what its own call sums up over the serving objects that stand on it, and deployments read
//! before they decide. Whose they are is not said: an environment is seen by every team.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::absent::null_is_default;

/// The GPUs of an environment, and what is promised of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentLedger {
    /// Placements that hold GPUs.
    pub placements: u32,
    /// Of these, placements that only the status of their deployment tells of, as v0.1.0 left them.
    pub unlabelled: u32,
    /// GPUs of all pools.
    #[serde(deserialize_with = "null_is_default")]
    pub gpus: GpuCounts,
    /// Each pool, sorted by name.
    #[serde(deserialize_with = "null_is_default")]
    pub pools: Vec<PoolLedger>,
    /// Placements that have not been ready yet, the oldest first. They are part of what the pools hold.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub starting: Vec<StartingPlacement>,
}

/// How many GPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GpuCounts {
    /// GPUs that are there.
    pub total: u64,
    /// GPUs that are promised, be they there or not.
    pub held: u64,
    /// GPUs that nobody was promised.
    pub free: u64,
    /// GPUs of pods for which no node is left.
    pub missing: u64,
}

/// A pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PoolLedger {
    /// The pool's name.
    pub name: String,
    /// Its GPUs.
    #[serde(deserialize_with = "null_is_default")]
    pub gpus: GpuCounts,
    /// The pods that they are promised to, by size.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodCount>,
}

/// Pods of one size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCount {
    /// GPUs of one pod.
    pub gpus_per_replica: u32,
    /// Pods.
    pub replicas: u32,
}

/// A placement that has not been ready yet. Of two that want the same GPUs the younger yields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StartingPlacement {
    /// The uid of its deployment.
    pub uid: String,
    /// When its deployment was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What it holds.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PoolPods>,
}

/// Pods on a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PoolPods {
    /// The pool's name.
    pub pool: String,
    /// GPUs of one pod.
    pub gpus_per_replica: u32,
    /// Pods.
    pub replicas: u32,
}
