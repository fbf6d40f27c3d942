//! KEDA's `ScaledObject`, `keda.sh/v1alpha1`: the part that is emitted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metadata::NewMetadata;

/// Group and version.
pub const API_VERSION: &str = "keda.sh/v1alpha1";
/// Kind.
pub const KIND: &str = "ScaledObject";

/// A ScaledObject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObject {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Metadata.
    pub metadata: NewMetadata,
    /// What KEDA is to do.
    pub spec: ScaledObjectSpec,
}

/// What KEDA is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    /// What is scaled.
    pub scale_target_ref: ScaleTarget,
    /// The fewest replicas.
    pub min_replica_count: u32,
    /// The most replicas.
    pub max_replica_count: u32,
    /// Seconds between two looks at the metrics.
    pub polling_interval: u32,
    /// Seconds without load before the last replica goes. Only about the step to zero.
    pub cooldown_period: u32,
    /// What concerns the HorizontalPodAutoscaler that KEDA makes.
    pub advanced: Advanced,
    /// The metrics.
    pub triggers: Vec<Trigger>,
}

/// What is scaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTarget {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name.
    pub name: String,
}

/// What concerns the HorizontalPodAutoscaler that KEDA makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advanced {
    /// That HorizontalPodAutoscaler.
    pub horizontal_pod_autoscaler_config: HorizontalPodAutoscalerConfig,
}

/// The HorizontalPodAutoscaler that KEDA makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HorizontalPodAutoscalerConfig {
    /// How fast it acts.
    pub behavior: Behavior,
}

/// How fast a HorizontalPodAutoscaler acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// When it removes replicas.
    pub scale_down: ScaleDown,
}

/// When replicas are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleDown {
    /// Seconds of lower load before a replica is removed; Kubernetes allows an hour at most.
    pub stabilization_window_seconds: u32,
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// Which scaler of KEDA looks at it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// That scaler's parameters; all of them are texts.
    pub metadata: BTreeMap<&'static str, String>,
}
