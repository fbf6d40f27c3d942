//! KServe's `LLMInferenceService`, `serving.kserve.io/v1alpha2`: the part that is emitted, and the part that is read back.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, NewMetadata};
use super::model_deployment::{Hpa, Keda};
use super::{absent::null_is_default, condition::Condition, quantity::Quantity};

/// Group and version.
pub const API_VERSION: &str = "serving.kserve.io/v1alpha2";
/// The group, whatever the version.
pub const GROUP: &str = "serving.kserve.io";
/// Kind.
pub const KIND: &str = "LLMInferenceService";

/// An LLMInferenceService as it is emitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmInferenceService {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Metadata.
    pub metadata: NewMetadata,
    /// What KServe is to run.
    pub spec: LlmInferenceServiceSpec,
}

/// What KServe is to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LlmInferenceServiceSpec {
    /// The model.
    pub model: ServedModel,
    /// The decode phase, or the one phase of Unified.
    #[serde(flatten)]
    pub decode: Workload,
    /// The prefill phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<Workload>,
    /// How requests get in.
    pub router: Router,
}

/// A model to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServedModel {
    /// Where the weights are.
    pub uri: String,
    /// The name that requests use.
    pub name: String,
}

/// The pods of one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workload {
    /// A fixed number of pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Where their number is not fixed, how it is found. KServe refuses both together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<WorkloadScaling>,
    /// Labels of the pods. They end up in an immutable selector.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The pods.
    pub template: PodSpec,
}

/// How the number of pods is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadScaling {
    /// The fewest.
    pub min_replicas: u32,
    /// The most.
    pub max_replicas: u32,
    /// By the Workload Variant Autoscaler.
    pub wva: VariantAutoscaling,
}

/// The Workload Variant Autoscaler's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VariantAutoscaling {
    /// What a pod costs relative to other variants.
    pub variant_cost: String,
    /// Act through KEDA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keda: Option<Keda>,
    /// Act through a HorizontalPodAutoscaler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hpa: Option<Hpa>,
}

/// How requests get in. Each part that is present, though empty, is KServe's to fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Router {
    /// A route.
    pub route: Empty,
    /// A gateway.
    pub gateway: Empty,
    /// The endpoint picker. Without it there is no disaggregation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<Empty>,
}

/// `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Empty {}

/// What an LLMInferenceService that exists asks for, as far as it takes GPUs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "WrittenService")]
pub struct RequestedService {
    /// The decode phase, or the one phase of Unified.
    pub decode: RequestedWorkload,
    /// The prefill phase.
    pub prefill: Option<RequestedWorkload>,
}

/// The same as it is written, with decode's fields beside prefill: `serde(flatten)` would keep all other fields until the end.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenService {
    replicas: Option<u32>,
    scaling: Option<RequestedScaling>,
    #[serde(deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_default")]
    template: RequestedPod,
    prefill: Option<RequestedWorkload>,
}

impl From<WrittenService> for RequestedService {
    fn from(written: WrittenService) -> Self {
        let WrittenService { replicas, scaling, labels, template, prefill } = written;
        Self { decode: RequestedWorkload { replicas, scaling, labels, template }, prefill }
    }
}

/// The pods of one phase.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RequestedWorkload {
    /// A fixed number of pods.
    pub replicas: Option<u32>,
    /// Where their number is not fixed, its bounds.
    pub scaling: Option<RequestedScaling>,
    /// Labels of the pods.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// The pods.
    #[serde(deserialize_with = "null_is_default")]
    pub template: RequestedPod,
}

/// How many pods there may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestedScaling {
    /// The fewest.
    pub min_replicas: u32,
    /// The most.
    pub max_replicas: u32,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestedPod {
    /// Its containers.
    #[serde(deserialize_with = "null_is_default")]
    pub containers: Vec<RequestedContainer>,
    /// Labels that its node must have.
    #[serde(deserialize_with = "null_is_default")]
    pub node_selector: BTreeMap<String, String>,
    /// Its claims.
    #[serde(deserialize_with = "null_is_default")]
    pub resource_claims: Vec<RequestedClaim>,
}

/// A claim of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestedClaim {
    /// Name.
    pub name: String,
    /// The ResourceClaimTemplate that it comes from.
    pub resource_claim_template_name: Option<String>,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RequestedContainer {
    /// Name.
    pub name: String,
    /// What it asks of its node.
    #[serde(deserialize_with = "null_is_default")]
    pub resources: RequestedResources,
}

/// What a container asks of its node.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RequestedResources {
    /// By the resource's name. Of extended resources requests and limits are the same.
    #[serde(deserialize_with = "null_is_default")]
    pub limits: BTreeMap<String, Quantity>,
}

/// An LLMInferenceService as it is observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ObservedService {
    /// Metadata.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Metadata,
    /// KServe's report.
    #[serde(deserialize_with = "null_is_default")]
    pub status: ObservedServiceStatus,
}

/// KServe's report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservedServiceStatus {
    /// The generation the report is about.
    pub observed_generation: Option<i64>,
    /// Conditions.
    #[serde(deserialize_with = "null_is_default")]
    pub conditions: Vec<Condition>,
    /// Where it answers.
    pub url: Option<String>,
    /// Where it answers, per address.
    #[serde(deserialize_with = "null_is_default")]
    pub addresses: Vec<Address>,
    /// The workloads; KServe reports them from v0.19 on, and their replicas from v0.20 on.
    #[serde(deserialize_with = "null_is_default")]
    pub workloads: Workloads,
}

/// The workloads of the phases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Workloads {
    /// Decode, or the one phase of Unified.
    #[serde(deserialize_with = "null_is_default")]
    pub primary: ObservedWorkload,
    /// Prefill.
    #[serde(deserialize_with = "null_is_default")]
    pub prefill: ObservedWorkload,
}

/// The workload of a phase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservedWorkload {
    /// Replicas that are available.
    pub ready_replicas: Option<u32>,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Address {
    /// URL.
    pub url: Option<String>,
}
