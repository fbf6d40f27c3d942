//! What people give pods beyond what is composed: parts of Kubernetes' own pod, laid over ours.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Container, LocalObjectReference, PodSecurityContext, SecurityContext, Toleration, TopologySpreadConstraint, Volume,
    VolumeMount,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::absent::null_is_default;
use super::quantity::{Quantity, WholeQuantity};
use super::{limits, lossless};

/// What the pods of an engine, or all pods of an environment, get besides.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodOverlay {
    /// As whom the engine runs where no security context says.
    pub security_profile: Option<SecurityProfile>,
    /// The security context of the pod.
    #[serde(default, deserialize_with = "lossless::optional")]
    pub security_context: Option<PodSecurityContext>,
    /// The security context of the engine's container.
    #[serde(default, deserialize_with = "lossless::optional")]
    pub container_security_context: Option<SecurityContext>,
    /// Labels of each pod, from when it is placed: they sit in an immutable selector, so what runs keeps those that it has.
    #[serde(default, deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of each pod.
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// Secrets with which images are pulled, in the namespace of the pods.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), with = "Vec<PullSecret>", extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Devices that are claimed (dynamic resource allocation).
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub resource_claims: Vec<PodClaim>,
    /// More that the engine's container asks for: huge pages, any extended resource. Limits equal requests.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schemars(with = "BTreeMap<String, WholeQuantity>")]
    pub resources: BTreeMap<String, Quantity>,
    /// Labels that the nodes must have.
    #[serde(default, deserialize_with = "null_is_default")]
    pub node_selector: BTreeMap<String, String>,
    /// What the pods tolerate, beside what their pool asks for.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::TOLERATIONS.max))]
    pub tolerations: Vec<Toleration>,
    /// To which nodes and pods they are drawn.
    #[serde(default, deserialize_with = "lossless::optional")]
    #[schemars(with = "Option<Preserved>")]
    pub affinity: Option<Affinity>,
    /// How they are spread.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), with = "Vec<Spread>", extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["topologyKey"]))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Their PriorityClass.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub priority_class_name: Option<String>,
    /// Who puts them on nodes.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub scheduler_name: Option<String>,
    /// Their RuntimeClass.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub runtime_class_name: Option<String>,
    /// Volumes.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), with = "Vec<Named>", extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub volumes: Vec<Volume>,
    /// Where the engine sees them.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["mountPath"]))]
    pub volume_mounts: Vec<VolumeMount>,
    /// What runs before the engine, or beside it with `restartPolicy: Always`. It sees no weights: KServe downloads them after these.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), with = "Vec<Named>", extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub init_containers: Vec<Container>,
    /// What runs beside the engine.
    #[serde(default, deserialize_with = "lossless::list")]
    #[schemars(length(max = limits::OVERLAY_ENTRIES.max), with = "Vec<Named>", extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub containers: Vec<Container>,
    /// Whether they use the network of their node, each with the ports of its own.
    pub host_network: Option<bool>,
    /// Whether they use the IPC namespace of their node.
    #[serde(rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    /// How they resolve names; ClusterFirstWithHostNet where hostNetwork is true and nothing is said.
    pub dns_policy: Option<DnsPolicy>,
    /// Seconds that a pod may take to end; KServe's own from v0.19 on are 60.
    #[schemars(range(min = limits::GRACE_SECONDS.min, max = limits::GRACE_SECONDS.max))]
    pub termination_grace_period_seconds: Option<u32>,
}

/// As whom an engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SecurityProfile {
    /// As root, on a file system that it can write to, as official engine images want it; IPC_LOCK with RDMA. Needs Pod Security
    /// `privileged` with RDMA, `baseline` without.
    Root,
    /// As KServe's presets have it, for images that run as any user: no root, no capability, no IPC_LOCK. Fits Pod Security `restricted`.
    Restricted,
}

/// How names are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum DnsPolicy {
    /// By the cluster, except on the network of the node.
    ClusterFirst,
    /// By the cluster.
    ClusterFirstWithHostNet,
    /// As the node does.
    Default,
}

impl DnsPolicy {
    /// The word that machines read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterFirst => "ClusterFirst",
            Self::ClusterFirstWithHostNet => "ClusterFirstWithHostNet",
            Self::Default => "Default",
        }
    }
}

/// A claim of devices, and who gets one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.resourceClaimTemplateName) != has(self.resourceClaimName)", "message": "a claim has either resourceClaimTemplateName or resourceClaimName"},
    {"rule": "!has(self.resourceClaimName) || !has(self.per) || self.per == 'Pod'", "message": "per is for resourceClaimTemplateName; a ResourceClaim is one for all pods"},
]))]
pub struct PodClaim {
    /// A name that is unique within the pod. With `per: GPU` a number is put behind it, as in `nic-0`.
    #[schemars(length(min = limits::CLAIM_NAME.min, max = limits::CLAIM_NAME.max))]
    pub name: String,
    /// A ResourceClaimTemplate in the namespace of the pods: every pod gets a claim of its own.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub resource_claim_template_name: Option<String>,
    /// A ResourceClaim in the namespace of the pods, which all of them share.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub resource_claim_name: Option<String>,
    /// Whether a pod gets one claim, or one for each of its GPUs.
    #[serde(default, deserialize_with = "null_is_default")]
    pub per: ClaimPer,
    /// The request of the claim that the engine gets; all of them where nothing is said.
    #[schemars(length(min = limits::CLAIM_NAME.min, max = limits::CLAIM_NAME.max))]
    pub request: Option<String>,
}

/// Who gets a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ClaimPer {
    /// Each pod.
    #[default]
    Pod,
    /// Each GPU of a pod.
    #[serde(rename = "GPU")]
    Gpu,
}

/// A Secret with which images are pulled.
#[derive(Debug, JsonSchema)]
pub struct PullSecret {
    /// The name.
    #[schemars(length(min = limits::NAME.min, max = limits::NAME.max))]
    pub name: String,
}

/// A container or a volume of Kubernetes' own; the schema of the rest is Kubernetes'.
#[derive(Debug, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Named {
    /// The name.
    #[schemars(length(min = limits::PART_NAME.min, max = limits::PART_NAME.max))]
    pub name: String,
}

/// A constraint of Kubernetes' own; the schema of the rest is Kubernetes'.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Spread {
    /// The label of nodes by which pods are spread.
    pub topology_key: String,
}

/// An object of Kubernetes' own, with its schema.
#[derive(Debug, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Preserved {}
