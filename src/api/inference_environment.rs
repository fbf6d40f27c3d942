//! `InferenceEnvironment`: where models can run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, Toleration, Volume, VolumeMount};
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::absent::{defaults, null_is_default, unreadable_is_none};
use super::pod_overlay::{Named, PodClaim, PodOverlay};
use super::quantity::{PositiveQuantity, Quantity, WholeQuantity};
use super::{environment_ledger::EnvironmentLedger, limits, lossless, metadata::Metadata};

/// The kind's name.
pub const KIND: &str = "InferenceEnvironment";

/// The resource a GPU goes by where a pool does not say.
pub const DEFAULT_GPU_RESOURCE: &str = "nvidia.com/gpu";

/// A cluster that models can run on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct InferenceEnvironment {
    /// Metadata; its labels are what selectors match.
    pub metadata: Metadata,
    /// What it is.
    pub spec: InferenceEnvironmentSpec,
    /// What is known of it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: InferenceEnvironmentStatus,
}

/// What an environment is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InferenceEnvironmentSpec {
    /// The cluster behind it.
    pub cluster: Cluster,
    /// Whether models may come, and stay.
    #[serde(default, deserialize_with = "null_is_default")]
    pub availability: Availability,
    /// What every pod of a PrefillDecode placement gets here, in both phases.
    pub rdma: Option<Rdma>,
    /// What every pod gets here, whatever its topology.
    pub pod: Option<PodOverlay>,
    /// Labels of the namespaces that are composed on another cluster, e.g. `pod-security.kubernetes.io/enforce: privileged`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub namespace_labels: BTreeMap<String, String>,
    /// Crossplane's own fields.
    #[serde(default)]
    #[schemars(skip)]
    pub crossplane: IgnoredAny,
}

/// The cluster behind an environment.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.source == 'Existing') == has(self.existing)", "message": "existing is required with source Existing and forbidden without it"},
    {"rule": "(self.source == 'GKE') == has(self.gke)", "message": "gke is required with source GKE and forbidden without it"},
    {"rule": "self.source == 'Local' || !has(self.local)", "message": "local is forbidden without source Local"},
    {"rule": "self.source == oldSelf.source", "message": "source cannot be changed, because what serves stays on its cluster; give the other cluster an environment of its own"},
]))]
pub struct Cluster {
    /// How the cluster is obtained.
    pub source: ClusterSource,
    /// A cluster that exists. Required when source is Existing.
    pub existing: Option<ExistingCluster>,
    /// A GKE cluster, provisioned by another function. Required when source is GKE.
    pub gke: Option<GkeCluster>,
    /// The control plane's own cluster. Only when source is Local.
    pub local: Option<LocalCluster>,
}

/// How a cluster is obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ClusterSource {
    /// It exists, and a kubeconfig reaches it.
    Existing,
    /// Another function provisions it on Google Cloud.
    #[serde(rename = "GKE")]
    Gke,
    /// It is the control plane's own.
    Local,
}

/// A cluster that exists.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.secretRef == oldSelf.secretRef", "message": "secretRef cannot be changed, because what serves stays on its cluster; write a new kubeconfig of this cluster to the same Secret, and give another cluster an environment of its own"},
]))]
pub struct ExistingCluster {
    /// A Secret in modelplane-system with a kubeconfig.
    pub secret_ref: KubeconfigSecret,
    /// A Secret in modelplane-system with Google application credentials, where the kubeconfig needs them.
    pub identity_secret_ref: Option<IdentitySecret>,
    /// The GPU node pools.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(length(max = limits::POOLS.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub node_pools: Vec<NodePool>,
}

/// A Secret with a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigSecret {
    /// The Secret's name.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub name: String,
    /// The key within the Secret.
    #[serde(default = "KubeconfigKey::value", deserialize_with = "KubeconfigKey::or_null")]
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub key: String,
}

/// A Secret with Google application credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitySecret {
    /// The Secret's name.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub name: String,
    /// The key within the Secret.
    #[serde(default = "IdentityKey::value", deserialize_with = "IdentityKey::or_null")]
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub key: String,
}

/// The control plane's own cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalCluster {
    /// The GPU node pools.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(length(max = limits::POOLS.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub node_pools: Vec<NodePool>,
}

/// A group of equal nodes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodePool {
    /// A name that is unique within the environment.
    #[schemars(length(min = limits::POOL_NAME.min, max = limits::POOL_NAME.max))]
    pub name: String,
    /// Nodes.
    #[serde(default = "One::value", deserialize_with = "One::or_null")]
    #[schemars(range(min = limits::NODES.min, max = limits::NODES.max))]
    pub node_count: u32,
    /// The most nodes of a pool that scales; it counts instead of nodeCount.
    #[schemars(range(min = limits::NODES.min, max = limits::NODES.max))]
    pub max_node_count: Option<u32>,
    /// The GPUs of each node. A pool without is not used.
    pub gpu: Option<Gpu>,
    /// Labels that the pool's nodes have and others lack.
    #[serde(default, deserialize_with = "null_is_default")]
    pub node_selector: BTreeMap<String, String>,
    /// What pods must tolerate to run there.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::TOLERATIONS.max))]
    pub tolerations: Vec<Toleration>,
}

/// The GPUs of a node.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.resourceName) || !has(self.resourceClaimTemplateName)", "message": "GPUs are either counted by resourceName or claimed by resourceClaimTemplateName"},
]))]
pub struct Gpu {
    /// The kind of GPU, e.g. `nvidia-h100-80gb`.
    #[schemars(length(min = limits::ACCELERATOR.min, max = limits::ACCELERATOR.max))]
    pub accelerator_type: String,
    /// GPUs per node.
    #[serde(default = "One::value", deserialize_with = "One::or_null")]
    #[schemars(range(min = limits::GPUS.min, max = limits::GPUS.max))]
    pub accelerator_count: u32,
    /// Memory of one GPU, e.g. `80Gi`.
    #[schemars(with = "PositiveQuantity")]
    pub memory: Quantity,
    /// The extended resource that a pod asks for; `nvidia.com/gpu` where nothing is said.
    #[schemars(length(min = limits::RESOURCE_NAME.min, max = limits::RESOURCE_NAME.max))]
    pub resource_name: Option<String>,
    /// A ResourceClaimTemplate of one GPU, in the namespaces of the pods, where GPUs are claimed (dynamic resource allocation): a pod gets a
    /// claim for each of its GPUs.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub resource_claim_template_name: Option<String>,
}

/// A GKE cluster.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GkeCluster {
    /// The Google Cloud project.
    #[schemars(length(min = limits::GKE_PROJECT.min, max = limits::GKE_PROJECT.max))]
    pub project: String,
    /// The region.
    #[schemars(length(min = limits::GKE_REGION.min, max = limits::GKE_REGION.max))]
    pub region: String,
    /// The Kubernetes version.
    #[serde(default = "GkeVersion::value", deserialize_with = "GkeVersion::or_null")]
    pub kubernetes_version: String,
    /// The node pools.
    #[schemars(length(min = limits::GKE_POOLS.min, max = limits::GKE_POOLS.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub node_pools: Vec<GkeNodePool>,
}

/// A node pool of a GKE cluster.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GkeNodePool {
    /// The pool's name.
    #[schemars(length(min = limits::POOL_NAME.min, max = limits::POOL_NAME.max))]
    pub name: String,
    /// What it is for.
    pub role: GkeNodePoolRole,
    /// The machine type.
    pub machine_type: String,
    /// Size of the boot disk in GB.
    #[serde(default = "GkeDiskSize::value", deserialize_with = "GkeDiskSize::or_null")]
    #[schemars(range(min = limits::GKE_DISK_GB.min, max = limits::GKE_DISK_GB.max))]
    pub disk_size_gb: u32,
    /// Nodes at first.
    #[serde(default = "One::value", deserialize_with = "One::or_null")]
    #[schemars(range(min = limits::NODES_OR_NONE.min, max = limits::NODES_OR_NONE.max))]
    pub node_count: u32,
    /// The fewest nodes.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(range(min = limits::NODES_OR_NONE.min, max = limits::NODES_OR_NONE.max))]
    pub min_node_count: u32,
    /// The most nodes.
    #[serde(default = "GkeMaxNodeCount::value", deserialize_with = "GkeMaxNodeCount::or_null")]
    #[schemars(range(min = limits::NODES_OR_NONE.min, max = limits::NODES_OR_NONE.max))]
    pub max_node_count: u32,
    /// The GPUs of each node. Required when role is GPU.
    pub gpu: Option<Gpu>,
    /// Zones.
    #[serde(default, deserialize_with = "null_is_default")]
    pub zones: Vec<String>,
}

/// What a GKE node pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum GkeNodePoolRole {
    /// Everything but engines.
    System,
    /// Engines.
    #[serde(rename = "GPU")]
    Gpu,
}

/// Whether models may come to an environment, and stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Availability {
    /// They may.
    #[default]
    Schedulable,
    /// Nothing new comes.
    Cordoned,
    /// Nothing new comes, and what is here moves away.
    Draining,
}

/// How pods get at the RDMA network.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rdma {
    /// The kind of network.
    #[serde(rename = "type")]
    pub kind: RdmaKind,
    /// Extended resources of each pod, e.g. `rdma/ib: 1`, and huge pages, e.g. `hugepages-2Mi: 5120Mi`.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(with = "BTreeMap<String, WholeQuantity>")]
    pub resources: BTreeMap<String, Quantity>,
    /// Extended resources for each GPU of a pod, e.g. `vpc.amazonaws.com/efa: 2`.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(with = "BTreeMap<String, DeviceCount>")]
    pub resources_per_gpu: BTreeMap<String, u32>,
    /// Devices that are claimed (dynamic resource allocation), for each pod or each of its GPUs.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(length(max = limits::RDMA_ENTRIES.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub resource_claims: Vec<PodClaim>,
    /// Annotations of each pod, e.g. `k8s.v1.cni.cncf.io/networks: rdma-net-1`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// Labels that the nodes must have.
    #[serde(default, deserialize_with = "null_is_default")]
    pub node_selector: BTreeMap<String, String>,
    /// Environment variables of each engine, e.g. `UCX_NET_DEVICES`.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::RDMA_ENTRIES.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvVar>,
    /// Volumes of each pod.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::RDMA_ENTRIES.max), with = "Vec<Named>", extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub volumes: Vec<Volume>,
    /// Where each engine sees them.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::RDMA_ENTRIES.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["mountPath"]))]
    pub volume_mounts: Vec<VolumeMount>,
}

/// How many.
#[derive(Debug, JsonSchema)]
pub struct DeviceCount(#[schemars(range(min = limits::DEVICES.min, max = limits::DEVICES.max))] pub u32);

/// The kinds of RDMA network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum RdmaKind {
    /// InfiniBand.
    InfiniBand,
    /// RDMA over Converged Ethernet.
    RoCE,
    /// AWS Elastic Fabric Adapter.
    #[serde(rename = "EFA")]
    Efa,
    /// Another kind, which needs all its settings spelled out.
    Other,
}

/// What is known of an environment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InferenceEnvironmentStatus {
    /// The ClusterProviderConfig that reaches the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_config_ref: Option<ProviderConfigRef>,
    /// The gateway that inference requests come in by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// The GPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Where resources that serve the environment itself live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The Secret that the cluster is reached with.
    #[serde(deserialize_with = "unreadable_is_none", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<KubeconfigSecret>,
    /// What is promised of the GPUs; none where v0.1.0 wrote the status.
    #[serde(deserialize_with = "unreadable_is_none", skip_serializing_if = "Option::is_none")]
    pub ledger: Option<EnvironmentLedger>,
}

impl InferenceEnvironmentStatus {
    /// The name of the ClusterProviderConfig; one without a name is none.
    pub fn provider_config(&self) -> Option<&str> {
        self.provider_config_ref.as_ref().map(|reference| reference.name.as_str()).filter(|name| !name.is_empty())
    }
}

/// Names a ClusterProviderConfig.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ProviderConfigRef {
    /// The name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
}

/// A gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Gateway {
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The GPUs of an environment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Capacity {
    /// Groups of equal nodes.
    #[serde(deserialize_with = "null_is_default")]
    pub gpu_pools: Vec<GpuPool>,
}

/// A group of equal nodes with GPUs.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GpuPool {
    /// The pool's name. Without one it goes by its accelerator type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of GPU.
    pub accelerator_type: String,
    /// Memory of one GPU.
    pub memory: Quantity,
    /// GPUs per node.
    pub count_per_node: u32,
    /// Nodes.
    pub nodes: u32,
    /// The extended resource that a pod asks for; `nvidia.com/gpu` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// A ResourceClaimTemplate of one GPU, where GPUs are claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_claim_template_name: Option<String>,
    /// Labels that the pool's nodes have and others lack.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// What pods must tolerate to run there.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
}

defaults! {
    One: u32 = 1;
    GkeMaxNodeCount: u32 = 8;
    GkeDiskSize: u32 = 100;
    GkeVersion: String = "1.35".to_owned();
    KubeconfigKey: String = "kubeconfig".to_owned();
    IdentityKey: String = "private_key".to_owned();
}
