//! How much of everything people may write. The schemas state these limits and the validators enforce them, so that objects that never met
//! the schemas keep them too.

/// The least and the most of a number, of a text's characters or of a list's entries. Both are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The least.
    pub min: u32,
    /// The most.
    pub max: u32,
}

const fn limits(min: u32, max: u32) -> Limits {
    Limits { min, max }
}

/// Environments of a deployment.
pub const ENVIRONMENTS: Limits = limits(1, 100);
/// Replicas of a phase in one environment.
pub const REPLICAS: Limits = limits(1, 100_000);
/// Replicas of a phase that may be scaled to zero.
pub const REPLICAS_OR_NONE: Limits = limits(0, REPLICAS.max);
/// Requests in flight per replica.
pub const REQUESTS: Limits = limits(1, 1_000_000);
/// A percentage of something.
pub const PERCENT: Limits = limits(1, 100);
/// Seconds that an autoscaler waits.
pub const DELAY_SECONDS: Limits = limits(0, 86_400);
/// Seconds between two looks at a metric.
pub const INTERVAL_SECONDS: Limits = limits(1, 86_400);
/// Characters of a cost.
pub const COST_TEXT: Limits = limits(1, 32);

/// Characters of what Kubernetes or a model hub names: an object, a key, a repository, a revision, a model.
pub const NAME: Limits = limits(1, 253);
/// Characters of a URI, such as `s3://a`.
pub const URI: Limits = limits(6, 2048);
/// Characters of a server's address, such as `http://a`.
pub const ADDRESS: Limits = limits(8, URI.max);
/// Keys of a Secret that are copied beside the account.
pub const STORAGE_KEYS: Limits = limits(0, 8);
/// Serving profiles of a model.
pub const PROFILES: Limits = limits(1, 8);
/// Characters of a serving profile's name.
pub const PROFILE_NAME: Limits = limits(1, 63);
/// Characters of an image reference.
pub const IMAGE: Limits = limits(1, 1024);
/// Arguments of an engine.
pub const ARGS: Limits = limits(0, 256);
/// Environment variables of an engine.
pub const ENGINE_ENV: Limits = limits(0, 256);
/// Seconds that an engine may take to start.
pub const STARTUP_SECONDS: Limits = limits(10, 86_400);
/// GPUs of a pod, or of a node.
pub const GPUS: Limits = limits(1, 1024);
/// Characters of a pool's name or kind of GPU, where a profile asks for one of them.
pub const ACCELERATOR: Limits = limits(1, 63);

/// Node pools of a cluster.
pub const POOLS: Limits = limits(0, 64);
/// Characters of a node pool's name.
pub const POOL_NAME: Limits = limits(1, 40);
/// Nodes of a pool.
pub const NODES: Limits = limits(1, 100_000);
/// Nodes of a pool that may be empty.
pub const NODES_OR_NONE: Limits = limits(0, NODES.max);
/// Tolerations of a pool.
pub const TOLERATIONS: Limits = limits(0, 64);
/// Characters of an extended resource's name, such as `a/b`.
pub const RESOURCE_NAME: Limits = limits(3, 308);
/// RDMA devices of a pod, or of each of its GPUs.
pub const DEVICES: Limits = limits(1, 1024);
/// Environment variables, volumes or volume mounts that an environment gives its pods.
pub const RDMA_ENTRIES: Limits = limits(0, 64);

/// Entries of a list of a pod's overlay.
pub const OVERLAY_ENTRIES: Limits = limits(0, 64);
/// Characters of a claim's name, and of a request of it; a number may come behind the name.
pub const CLAIM_NAME: Limits = limits(1, 58);
/// Characters of a container's or a volume's name.
pub const PART_NAME: Limits = limits(1, 63);
/// Seconds that a pod may take to end.
pub const GRACE_SECONDS: Limits = limits(0, 86_400);

/// Characters of a Google Cloud project.
pub const GKE_PROJECT: Limits = limits(6, 30);
/// Characters of a Google Cloud region.
pub const GKE_REGION: Limits = limits(1, 32);
/// Node pools of a GKE cluster.
pub const GKE_POOLS: Limits = limits(1, 8);
/// Size of a GKE node's boot disk in GB.
pub const GKE_DISK_GB: Limits = limits(0, 65_536);

/// Rejected environments that a status lists.
pub const REJECTIONS: Limits = limits(0, 1000);
