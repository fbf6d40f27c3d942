//! `ClusterModel` and `Model`: what can be served, and how.

use k8s_openapi::api::core::v1::EnvVar;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::absent::{defaults, null_is_default};
use super::quantity::{PositiveQuantity, Quantity};
use super::{limits, lossless, metadata::Metadata, model_deployment::Topology, pod_overlay::PodOverlay, selector::LabelSelector};

/// A ClusterModel or a Model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Model {
    /// Metadata.
    pub metadata: Metadata,
    /// What can be served.
    pub spec: ModelSpec,
}

/// What can be served, and how.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.source == 'HuggingFace') == has(self.huggingFace)", "message": "huggingFace is required with source HuggingFace and forbidden without it"},
    {"rule": "(self.source == 'URI') == has(self.uri)", "message": "uri is required with source URI and forbidden without it"},
    {"rule": "!has(self.uriSecretRef) || (has(self.uri) && self.uri.startsWith('s3://'))", "message": "uriSecretRef is for uri s3:// only"},
    {"rule": "!has(self.serviceAccountName) || !(has(self.uriSecretRef) || (has(self.huggingFace) && has(self.huggingFace.secretRef)))", "message": "serviceAccountName is forbidden beside uriSecretRef and huggingFace.secretRef, because that ServiceAccount lists its Secrets itself"},
]))]
pub struct ModelSpec {
    /// The model's identity.
    pub model: ModelIdentity,
    /// Where the weights come from.
    pub source: Source,
    /// A Hugging Face repository. Required when source is HuggingFace.
    pub hugging_face: Option<HuggingFace>,
    /// Where the weights are, as s3://, pvc://, oci:// or hf://. Required when source is URI.
    #[schemars(length(min = limits::URI.min, max = limits::URI.max), regex(pattern = r"^(hf|s3|pvc|oci)://.+$"))]
    pub uri: Option<String>,
    /// A Secret with the account that may read `uri`, where that is s3://. Other clusters get a copy.
    pub uri_secret_ref: Option<StorageSecretRef>,
    /// The ServiceAccount of the pods, in their namespace on every environment, where somebody must have made it: what it lists and what a
    /// cloud gives it lets pods at the weights. For ClusterModels only. Without it the function makes one where there is a Secret.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max), regex(pattern = r"^[a-z0-9]$|^[a-z0-9][a-z0-9.-]*[a-z0-9]$"))]
    pub service_account_name: Option<String>,
    /// What the whole model needs.
    pub resources: ModelResources,
    /// Serving profiles in order of priority: the first that fits an environment wins.
    #[schemars(length(min = limits::PROFILES.min, max = limits::PROFILES.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub serving: Vec<ServingProfile>,
    /// Crossplane's own fields.
    #[serde(default)]
    #[schemars(skip)]
    pub crossplane: IgnoredAny,
}

/// The model's identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelIdentity {
    /// The name that requests use, e.g. `Qwen/Qwen2.5-0.5B-Instruct`.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._:@+-]*(/\.*[A-Za-z0-9_:@+-][A-Za-z0-9._:@+-]*)*$"))]
    pub name: String,
}

/// Where weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Source {
    /// The Hugging Face hub.
    HuggingFace,
    /// Any place that KServe's storage initializer reads.
    #[serde(rename = "URI")]
    Uri,
}

/// A Hugging Face repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HuggingFace {
    /// The repository, e.g. `Qwen/Qwen2.5-0.5B-Instruct`.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub repo: String,
    /// Branch, tag or commit.
    #[serde(default = "Revision::value", deserialize_with = "Revision::or_null")]
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub revision: String,
    /// A Secret with the token for a gated model.
    pub secret_ref: Option<SecretRef>,
}

/// Names a key of a Secret. A ClusterModel must say the namespace. A Model may say its own only, which the function checks: rules in a
/// schema do not see the object's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The Secret's name.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub name: String,
    /// The Secret's namespace; a Model's Secret is in the Model's own.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub namespace: Option<String>,
    /// The key within the Secret.
    #[serde(default = "TokenKey::value", deserialize_with = "TokenKey::or_null")]
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub key: String,
}

/// Names a Secret with an account of an object store, in the keys that KServe reads: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. Its
/// namespace is that of any Secret: a ClusterModel must say it, a Model may say its own only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageSecretRef {
    /// The Secret's name.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub name: String,
    /// The Secret's namespace; a Model's Secret is in the Model's own.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub namespace: Option<String>,
    /// What else it says of the store, such as `S3_ENDPOINT` and `AWS_DEFAULT_REGION`; the copy on another cluster has these keys, too.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(length(max = limits::STORAGE_KEYS.max))]
    pub keys: Vec<StorageKey>,
}

/// What a Secret can say of an object store beside the account, in the keys that KServe reads (`pkg/credentials/s3` of v0.18.1 to v0.20.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum StorageKey {
    /// The store's address.
    #[serde(rename = "S3_ENDPOINT")]
    Endpoint,
    /// `0` for an address without TLS.
    #[serde(rename = "S3_USE_HTTPS")]
    UseHttps,
    /// `0` to accept any certificate.
    #[serde(rename = "S3_VERIFY_SSL")]
    VerifySsl,
    /// The region.
    #[serde(rename = "AWS_DEFAULT_REGION")]
    Region,
    /// Whether the bucket is part of the host's name.
    #[serde(rename = "S3_USER_VIRTUAL_BUCKET")]
    VirtualBucket,
    /// Whether to use transfer acceleration.
    #[serde(rename = "S3_USE_ACCELERATE")]
    Accelerate,
    /// Where the CA's certificates are in the pod.
    #[serde(rename = "AWS_CA_BUNDLE")]
    CaBundle,
    /// The ConfigMap with the CA's certificates.
    #[serde(rename = "AWS_CA_BUNDLE_CONFIGMAP")]
    CaBundleConfigMap,
}

impl StorageKey {
    /// The key within the Secret.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "S3_ENDPOINT",
            Self::UseHttps => "S3_USE_HTTPS",
            Self::VerifySsl => "S3_VERIFY_SSL",
            Self::Region => "AWS_DEFAULT_REGION",
            Self::VirtualBucket => "S3_USER_VIRTUAL_BUCKET",
            Self::Accelerate => "S3_USE_ACCELERATE",
            Self::CaBundle => "AWS_CA_BUNDLE",
            Self::CaBundleConfigMap => "AWS_CA_BUNDLE_CONFIGMAP",
        }
    }
}

/// What the whole model needs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelResources {
    /// GPU memory of the whole model, e.g. `810Gi`.
    #[schemars(with = "PositiveQuantity")]
    pub vram: Quantity,
    /// CPU of a pod where a profile says nothing.
    #[serde(default = "Cpu::value", deserialize_with = "Cpu::or_null")]
    #[schemars(with = "PositiveQuantity")]
    pub cpu: Quantity,
    /// Memory of a pod where a profile says nothing.
    #[serde(default = "Memory::value", deserialize_with = "Memory::or_null")]
    #[schemars(with = "PositiveQuantity")]
    pub memory: Quantity,
    /// Disk of its node that each pod asks for. Weights of hf:// and s3:// are downloaded to it, all of them into every pod; without it
    /// Kubernetes puts pods where they do not fit, and evicts them.
    #[schemars(with = "Option<PositiveQuantity>")]
    pub ephemeral_storage: Option<Quantity>,
}

/// A complete, tested way to serve the model.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.topology == 'PrefillDecode') == has(self.prefill)", "message": "prefill is required with topology PrefillDecode and forbidden without it"},
]))]
pub struct ServingProfile {
    /// A name that is unique within the model.
    #[schemars(length(min = limits::PROFILE_NAME.min, max = limits::PROFILE_NAME.max))]
    pub name: String,
    /// The topology it is for. A deployment matches only profiles of its own topology.
    #[serde(default, deserialize_with = "null_is_default")]
    pub topology: Topology,
    /// Labels an environment must have.
    pub environment_selector: Option<LabelSelector>,
    /// The engine; that of the decode phase when topology is PrefillDecode.
    pub engine: Engine,
    /// What one pod needs; a decode pod when topology is PrefillDecode.
    pub resources: Option<PodResources>,
    /// The prefill phase. Required when topology is PrefillDecode, forbidden otherwise.
    pub prefill: Option<PrefillProfile>,
}

/// The prefill phase of a profile. It is complete: nothing is merged from the decode phase.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.resources.gpu)", "message": "prefill.resources.gpu is required"},
]))]
pub struct PrefillProfile {
    /// The engine.
    pub engine: Engine,
    /// What one prefill pod needs.
    pub resources: PodResources,
}

/// An inference engine's configuration.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Engine {
    /// The engine.
    pub name: EngineName,
    /// Its container image.
    #[schemars(length(min = limits::IMAGE.min, max = limits::IMAGE.max))]
    pub image: String,
    /// Its arguments, passed on byte for byte.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(length(max = limits::ARGS.max))]
    pub args: Vec<String>,
    /// Its environment variables.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::ENGINE_ENV.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvVar>,
    /// What its pods get besides.
    pub pod: Option<PodOverlay>,
    /// Seconds until a pod that does not answer is restarted.
    #[schemars(range(min = limits::STARTUP_SECONDS.min, max = limits::STARTUP_SECONDS.max))]
    pub startup_timeout_seconds: Option<u32>,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum EngineName {
    /// vLLM.
    #[serde(rename = "vLLM")]
    Vllm,
}

/// What one pod needs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodResources {
    /// GPUs; without it what the engine's arguments say, else what the model's vram needs.
    #[schemars(range(min = limits::GPUS.min, max = limits::GPUS.max))]
    pub gpu: Option<u32>,
    /// CPU; without it the model's.
    #[schemars(with = "Option<PositiveQuantity>")]
    pub cpu: Option<Quantity>,
    /// Memory; without it the model's.
    #[schemars(with = "Option<PositiveQuantity>")]
    pub memory: Option<Quantity>,
    /// The pool to run on: its name or its accelerator type.
    #[schemars(length(min = limits::ACCELERATOR.min, max = limits::ACCELERATOR.max))]
    pub accelerator: Option<String>,
    /// Size of `/dev/shm`; without it 20Gi, or the pod's memory if that is less.
    #[schemars(with = "Option<PositiveQuantity>")]
    pub shared_memory: Option<Quantity>,
}

defaults! {
    Revision: String = "main".to_owned();
    TokenKey: String = "HF_TOKEN".to_owned();
    Cpu: Quantity = Quantity::units(4);
    Memory: Quantity = Quantity::gibibytes(16);
}
