//! An InferenceEnvironment that keeps the rules, with its pools.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Toleration;

use crate::api::inference_environment::{
    Availability, ClusterSource, DEFAULT_GPU_RESOURCE, GkeNodePool, GkeNodePoolRole, Gpu, GpuPool, InferenceEnvironment,
    InferenceEnvironmentSpec, KubeconfigSecret, NodePool, Rdma,
};
use crate::api::quantity::Quantity;
use crate::domain::model::validate_env;
use crate::domain::names::environment_name_error;
use crate::domain::template_text::{holds_template, serialized_holds_template};
use crate::domain::violation::Violation;

/// An environment that keeps the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Name.
    pub name: String,
    /// What selectors match.
    pub labels: BTreeMap<String, String>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether models may come, and stay.
    pub availability: Availability,
    /// How the cluster is reached.
    pub access: Access,
    /// Which cluster it is.
    pub cluster: ClusterIdentity,
    /// Pools with GPUs, sorted by id.
    pub pools: Vec<Pool>,
    /// What a pod needs for RDMA.
    pub rdma: Option<Rdma>,
}

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It is the control plane's own.
    Local,
    /// Through a ClusterProviderConfig of this name.
    Provider(String),
    /// Not yet, or no longer.
    Missing,
}

/// Environments with an equal identity are one cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClusterIdentity {
    /// The control plane's own.
    Local,
    /// Reached by one kubeconfig.
    Kubeconfig(KubeconfigSecret),
    /// A cluster of one environment only, by the environment's name.
    Own(String),
}

/// A group of equal nodes with GPUs.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its given name, or one made of its accelerator type.
    pub id: String,
    /// Whether `id` was given.
    pub named: bool,
    /// The kind of GPU.
    pub accelerator_type: String,
    /// Memory of one GPU.
    pub memory: Quantity,
    /// GPUs per node.
    pub gpus_per_node: u32,
    /// Nodes.
    pub nodes: u32,
    /// The extended resource that a pod asks for.
    pub resource_name: String,
    /// Labels that its nodes have.
    pub node_selector: BTreeMap<String, String>,
    /// What its nodes' pods must tolerate.
    pub tolerations: Vec<Toleration>,
}

impl Pool {
    /// Whether a profile's `accelerator` means this pool.
    #[must_use]
    pub fn is_called(&self, accelerator: &str) -> bool {
        self.accelerator_type == accelerator || (self.named && self.id == accelerator)
    }
}

impl Environment {
    /// The pool of an id.
    #[must_use]
    pub fn pool(&self, id: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.id == id)
    }
}

/// Checks every rule of an environment.
///
/// # Errors
/// Every rule that is broken, with the field path.
pub fn validate_environment(environment: &InferenceEnvironment) -> Result<Environment, Vec<Violation>> {
    let mut violations = Vec::new();
    let name = environment.metadata.name.clone();
    violations.extend(environment_name_error(&name).map(|problem| Violation::new("metadata.name", problem)));
    validate_cluster(&environment.spec, &mut violations);
    let pools = match &environment.status.capacity {
        Some(capacity) => {
            let pools = capacity.gpu_pools.iter().enumerate();
            pools.map(|(index, pool)| (format!("status.capacity.gpuPools[{index}]"), pool.clone())).collect()
        }
        None => declared_pools(&environment.spec),
    };
    let pools = validate_pools(pools, &mut violations);
    if let Some(rdma) = &environment.spec.rdma {
        validate_rdma(rdma, &mut violations);
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let cluster = &environment.spec.cluster;
    let provider = environment.status.provider_config_ref.as_ref().map(|reference| &reference.name).filter(|name| !name.is_empty());
    Ok(Environment {
        labels: environment.metadata.labels.clone(),
        deleting: environment.metadata.deletion_timestamp.is_some(),
        availability: environment.spec.availability,
        access: match (cluster.source, provider) {
            (ClusterSource::Local, _) => Access::Local,
            (ClusterSource::Existing | ClusterSource::Gke, Some(name)) => Access::Provider(name.clone()),
            (ClusterSource::Existing | ClusterSource::Gke, None) => Access::Missing,
        },
        cluster: match (cluster.source, &cluster.existing) {
            (ClusterSource::Local, _) => ClusterIdentity::Local,
            (ClusterSource::Existing, Some(existing)) => ClusterIdentity::Kubeconfig(existing.secret_ref.clone()),
            (ClusterSource::Existing, None) | (ClusterSource::Gke, _) => ClusterIdentity::Own(name.clone()),
        },
        name,
        pools,
        rdma: environment.spec.rdma.clone(),
    })
}

fn validate_cluster(spec: &InferenceEnvironmentSpec, violations: &mut Vec<Violation>) {
    let cluster = &spec.cluster;
    let blocks = [
        (ClusterSource::Existing, "Existing", "existing", cluster.existing.is_some()),
        (ClusterSource::Gke, "GKE", "gke", cluster.gke.is_some()),
        // A Local cluster without GPU pools may leave its block out.
        (ClusterSource::Local, "Local", "local", cluster.local.is_some() || cluster.source == ClusterSource::Local),
    ];
    for (source, name, block, present) in blocks {
        if (cluster.source == source) != present {
            let message =
                if present { format!("is set but source is not {name}; remove it") } else { format!("is missing; source {name} needs it") };
            violations.push(Violation::new(format!("spec.cluster.{block}"), message));
        }
    }
}

/// The GPU pools that an environment's spec declares, as its status shows them, each with its field path.
#[must_use]
pub fn declared_pools(spec: &InferenceEnvironmentSpec) -> Vec<(String, GpuPool)> {
    let cluster = &spec.cluster;
    let (block, pools): (&str, Vec<Option<GpuPool>>) = match cluster.source {
        ClusterSource::Existing => ("existing", cluster.existing.iter().flat_map(|existing| &existing.node_pools).map(node_pool).collect()),
        ClusterSource::Local => ("local", cluster.local.iter().flat_map(|local| &local.node_pools).map(node_pool).collect()),
        ClusterSource::Gke => ("gke", cluster.gke.iter().flat_map(|gke| &gke.node_pools).map(gke_node_pool).collect()),
    };
    let numbered = pools.into_iter().enumerate();
    numbered.filter_map(|(index, pool)| Some((format!("spec.cluster.{block}.nodePools[{index}]"), pool?))).collect()
}

fn node_pool(pool: &NodePool) -> Option<GpuPool> {
    let nodes = pool.max_node_count.unwrap_or(pool.node_count);
    let declared = gpu_pool(&pool.name, pool.gpu.as_ref()?, nodes);
    Some(GpuPool { node_selector: pool.node_selector.clone(), tolerations: pool.tolerations.clone(), ..declared })
}

fn gke_node_pool(pool: &GkeNodePool) -> Option<GpuPool> {
    let gpu = pool.gpu.as_ref().filter(|_| pool.role == GkeNodePoolRole::Gpu)?;
    let nodes = if pool.max_node_count == 0 { pool.node_count } else { pool.max_node_count };
    Some(gpu_pool(&pool.name, gpu, nodes))
}

fn gpu_pool(name: &str, gpu: &Gpu, nodes: u32) -> GpuPool {
    GpuPool {
        name: Some(name.to_owned()),
        accelerator_type: gpu.accelerator_type.clone(),
        memory: gpu.memory.clone(),
        count_per_node: gpu.accelerator_count,
        nodes,
        resource_name: Some(gpu.resource_name.clone()),
        node_selector: BTreeMap::new(),
        tolerations: Vec::new(),
    }
}

fn validate_pools(declared: Vec<(String, GpuPool)>, violations: &mut Vec<Violation>) -> Vec<Pool> {
    let given: BTreeSet<String> = declared.iter().filter_map(|(_, pool)| pool.name.clone()).collect();
    let mut taken = BTreeSet::new();
    let mut pools = Vec::new();
    for (path, pool) in declared {
        if !pool.memory.is_positive() {
            let field = if path.starts_with("spec") { "gpu.memory" } else { "memory" };
            violations.push(Violation::new(format!("{path}.{field}"), format!("is {}; set it to more than 0", pool.memory)));
        }
        if serialized_holds_template(&pool) {
            violations.push(Violation::new(&path, "holds \"{{\", which KServe takes for a template of its own; remove it"));
        }
        let named = pool.name.is_some();
        let id = match pool.name {
            Some(name) => name,
            None => generated_id(&pool.accelerator_type, &given, &taken),
        };
        if !taken.insert(id.clone()) {
            violations.push(Violation::new(format!("{path}.name"), format!("repeats {id:?}; give each pool a name of its own")));
        }
        pools.push(Pool {
            id,
            named,
            accelerator_type: pool.accelerator_type,
            memory: pool.memory,
            gpus_per_node: pool.count_per_node,
            nodes: pool.nodes,
            resource_name: pool.resource_name.unwrap_or_else(|| DEFAULT_GPU_RESOURCE.to_owned()),
            node_selector: pool.node_selector,
            tolerations: pool.tolerations,
        });
    }
    pools.sort_by(|a, b| a.id.cmp(&b.id));
    pools
}

/// The accelerator type, with `-2`, `-3` … where it is taken.
fn generated_id(accelerator_type: &str, given: &BTreeSet<String>, taken: &BTreeSet<String>) -> String {
    let most = given.len().saturating_add(taken.len()).saturating_add(2);
    let numbered = (2..=most).map(|number| format!("{accelerator_type}-{number}"));
    let mut ids = std::iter::once(accelerator_type.to_owned()).chain(numbered);
    ids.find(|id| !given.contains(id) && !taken.contains(id)).unwrap_or_default()
}

fn validate_rdma(rdma: &Rdma, violations: &mut Vec<Violation>) {
    validate_env("spec.rdma.env", &rdma.env, violations);
    for (field, texts) in [("annotations", &rdma.annotations), ("nodeSelector", &rdma.node_selector)] {
        for (key, value) in texts {
            if holds_template(key) || holds_template(value) {
                violations.push(Violation::new(
                    format!("spec.rdma.{field}[{key:?}]"),
                    "holds \"{{\", which KServe takes for a template of its own; remove it",
                ));
            }
        }
    }
    for (field, resources) in [("resources", &rdma.resources), ("resourcesPerGpu", &rdma.resources_per_gpu)] {
        for (name, count) in resources {
            if holds_template(name) || *count == 0 {
                violations.push(Violation::new(
                    format!("spec.rdma.{field}[{name:?}]"),
                    "must be an extended resource's name and a count of at least 1",
                ));
            }
        }
    }
    for (field, holds) in
        [("volumes", serialized_holds_template(&rdma.volumes)), ("volumeMounts", serialized_holds_template(&rdma.volume_mounts))]
    {
        if holds {
            violations.push(Violation::new(
                format!("spec.rdma.{field}"),
                "holds \"{{\", which KServe takes for a template of its own; remove it",
            ));
        }
    }
}
