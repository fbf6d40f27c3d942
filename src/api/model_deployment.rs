//! `ModelDeployment`: the ML team's wish to serve a model.

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::absent::{defaults, null_is_default};
use super::{limits, metadata::Metadata, selector::LabelSelector};

/// The kind's name.
pub const KIND: &str = "ModelDeployment";

/// A deployment of a model to one or more inference environments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelDeployment {
    /// Metadata.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: ModelDeploymentSpec,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.topology == 'PrefillDecode') == has(self.prefill)", "message": "prefill is required with topology PrefillDecode and forbidden without it"},
    {"rule": "self.topology != 'PrefillDecode' || self.scaling.signal != 'Concurrency'", "message": "scaling.signal Concurrency sees only the traffic of decode pods, so it cannot be used with topology PrefillDecode"},
    {"rule": "!has(self.prefill) || self.prefill.scaling.signal != 'Concurrency'", "message": "prefill.scaling.signal cannot be Concurrency, which sees no prefill traffic"},
    {"rule": "!has(self.prefill) || !has(self.scaling.wva) || !has(self.prefill.scaling.wva) || has(self.scaling.wva.hpa) == has(self.prefill.scaling.wva.hpa)", "message": "scaling.wva and prefill.scaling.wva must use the same actuator: both keda or both hpa"},
]))]
pub struct ModelDeploymentSpec {
    /// The model to serve.
    pub model_ref: ModelRef,
    /// How many inference environments to serve from.
    #[schemars(range(min = limits::ENVIRONMENTS.min, max = limits::ENVIRONMENTS.max))]
    pub environments: u32,
    /// Labels an environment must have. Without it every environment is a candidate.
    pub environment_selector: Option<LabelSelector>,
    /// Whether prefill and decode share their pods or have their own.
    #[serde(default, deserialize_with = "null_is_default")]
    pub topology: Topology,
    /// How the model scales in each environment; the decode phase when topology is PrefillDecode.
    #[serde(default, deserialize_with = "null_is_default")]
    pub scaling: Scaling,
    /// The prefill phase. Required when topology is PrefillDecode, forbidden otherwise.
    pub prefill: Option<PrefillPhase>,
    /// What a change of topology does.
    #[serde(default, deserialize_with = "null_is_default")]
    pub strategy: Strategy,
    /// Crossplane's own fields.
    #[serde(default)]
    #[schemars(skip)]
    pub crossplane: IgnoredAny,
}

/// Names a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// A ClusterModel, or a Model in the deployment's namespace.
    #[serde(default, deserialize_with = "null_is_default")]
    pub kind: ModelKind,
    /// Its name.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub name: String,
}

/// The kinds of model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum ModelKind {
    /// The platform team's, cluster scoped.
    #[default]
    ClusterModel,
    /// A team's own, namespaced.
    Model,
}

impl ModelKind {
    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterModel => "ClusterModel",
            Self::Model => "Model",
        }
    }
}

/// Whether prefill and decode share their pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Topology {
    /// One kind of pod does both.
    #[default]
    Unified,
    /// Prefill pods compute the prompt's KV cache and hand it to decode pods over RDMA.
    PrefillDecode,
}

impl Topology {
    /// The word people write.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unified => "Unified",
            Self::PrefillDecode => "PrefillDecode",
        }
    }
}

/// The prefill phase of a deployment.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefillPhase {
    /// How prefill scales in each environment. There is no default ratio to decode.
    pub scaling: Scaling,
}

/// How a phase scales.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.signal == 'Fixed') == has(self.fixed)", "message": "fixed is required with signal Fixed and forbidden without it"},
    {"rule": "(self.signal == 'Concurrency') == has(self.concurrency)", "message": "concurrency is required with signal Concurrency and forbidden without it"},
    {"rule": "(self.signal == 'WVA') == has(self.wva)", "message": "wva is required with signal WVA and forbidden without it"},
]))]
pub struct Scaling {
    /// What decides the number of replicas.
    pub signal: Signal,
    /// A fixed number of replicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Fixed>,
    /// Scale on requests in flight. Only for topology Unified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Scale with the Workload Variant Autoscaler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wva: Option<Wva>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { signal: Signal::Fixed, fixed: Some(Fixed { replicas: 1 }), concurrency: None, wva: None }
    }
}

/// What decides the number of replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Signal {
    /// The number that is written.
    Fixed,
    /// Requests in flight at the gateway.
    Concurrency,
    /// The Workload Variant Autoscaler.
    #[serde(rename = "WVA")]
    Wva,
}

/// A fixed number of replicas.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// Replicas in each environment.
    #[schemars(range(min = limits::REPLICAS.min, max = limits::REPLICAS.max))]
    pub replicas: u32,
}

/// Scaling on requests in flight.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.minReplicas <= self.maxReplicas", "message": "minReplicas must not be above maxReplicas"},
]))]
pub struct Concurrency {
    /// Replicas that are always there; 0 scales to zero without traffic.
    #[serde(default = "One::value", deserialize_with = "One::or_null")]
    #[schemars(range(min = limits::REPLICAS_OR_NONE.min, max = limits::REPLICAS_OR_NONE.max))]
    pub min_replicas: u32,
    /// Replicas that are never exceeded.
    #[schemars(range(min = limits::REPLICAS.min, max = limits::REPLICAS.max))]
    pub max_replicas: u32,
    /// Requests in flight per replica.
    #[schemars(range(min = limits::REQUESTS.min, max = limits::REQUESTS.max))]
    pub target: u32,
    /// Percentage of the target at which replicas are added.
    #[serde(default = "Utilization::value", deserialize_with = "Utilization::or_null")]
    #[schemars(range(min = limits::PERCENT.min, max = limits::PERCENT.max))]
    pub utilization: u32,
    /// Seconds of lower load before replicas are removed.
    #[serde(default = "ScaleDownDelay::value", deserialize_with = "ScaleDownDelay::or_null")]
    #[schemars(range(min = limits::DELAY_SECONDS.min, max = limits::DELAY_SECONDS.max))]
    pub scale_down_delay: u32,
}

/// Scaling with the Workload Variant Autoscaler.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.minReplicas <= self.maxReplicas", "message": "minReplicas must not be above maxReplicas"},
    {"rule": "!(has(self.keda) && has(self.hpa))", "message": "keda and hpa exclude each other"},
]))]
pub struct Wva {
    /// Replicas that are always there.
    #[serde(default = "One::value", deserialize_with = "One::or_null")]
    #[schemars(range(min = limits::REPLICAS.min, max = limits::REPLICAS.max))]
    pub min_replicas: u32,
    /// Replicas that are never exceeded.
    #[schemars(range(min = limits::REPLICAS.min, max = limits::REPLICAS.max))]
    pub max_replicas: u32,
    /// What a replica costs relative to other variants, as a decimal number.
    #[serde(default = "VariantCost::value", deserialize_with = "VariantCost::or_null")]
    #[schemars(regex(pattern = r"^\d+(\.\d+)?$"), length(min = limits::COST_TEXT.min, max = limits::COST_TEXT.max))]
    pub variant_cost: String,
    /// Act through KEDA; this is what happens when neither actuator is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keda: Option<Keda>,
    /// Act through a HorizontalPodAutoscaler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hpa: Option<Hpa>,
}

/// The KEDA actuator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keda {
    /// Seconds between two looks at the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = limits::INTERVAL_SECONDS.min, max = limits::INTERVAL_SECONDS.max))]
    pub polling_interval: Option<u32>,
    /// Seconds before scaling back to the minimum.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = limits::DELAY_SECONDS.min, max = limits::DELAY_SECONDS.max))]
    pub cooldown_period: Option<u32>,
}

/// The HorizontalPodAutoscaler actuator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hpa {
    /// `behavior` of the HorizontalPodAutoscaler.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>", extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub behavior: Option<serde_json::Value>,
}

/// What a change of topology does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Strategy {
    /// How the old placements make way for the new ones.
    #[serde(rename = "type", default, deserialize_with = "null_is_default")]
    pub kind: StrategyKind,
}

/// How old placements make way for new ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum StrategyKind {
    /// The old placements stay until every new one is ready.
    #[default]
    RollingUpdate,
    /// The old placements leave at once.
    Recreate,
}

defaults! {
    One: u32 = 1;
    Utilization: u32 = 70;
    ScaleDownDelay: u32 = 300;
    VariantCost: String = "10.0".to_owned();
}
