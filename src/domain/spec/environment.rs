//! An InferenceEnvironment that keeps the rules, with its pools.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Toleration, Volume, VolumeMount};

use super::cluster::{declared_pools, validate_cluster};
use super::{at::At, engine_env::validate_env, violation::Violation};
use crate::api::inference_environment::{
    Availability, Capacity, ClusterSource, DEFAULT_GPU_RESOURCE, GpuPool, InferenceEnvironment, KubeconfigSecret, Rdma,
};
use crate::api::limits;
use crate::api::{environment_ledger::EnvironmentLedger, quantity::Quantity};
use crate::domain::{key::environment_name_error, kserve::PRESET_VOLUMES};

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
    /// What is wrong where the spec names another cluster than the one that it is.
    pub repointed: Option<Violation>,
    /// What is promised of the pools; `None` where v0.1.0 wrote the status.
    pub ledger: Option<EnvironmentLedger>,
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
    pub fn is_called(&self, accelerator: &str) -> bool {
        self.accelerator_type == accelerator || (self.named && self.id == accelerator)
    }
}

impl Environment {
    /// The Secret that its cluster is reached with.
    pub fn kubeconfig(&self) -> Option<&KubeconfigSecret> {
        match &self.cluster {
            ClusterIdentity::Kubeconfig(secret) => Some(secret),
            ClusterIdentity::Local | ClusterIdentity::Own(_) => None,
        }
    }

    /// The pool of an id.
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
    let mut at = At::new("", &mut violations);
    let name = environment.metadata.name.clone();
    if let Some(problem) = environment_name_error(&name) {
        at.child("metadata.name").refuse(problem);
    }
    validate_cluster(&mut at.child("spec.cluster"), &environment.spec.cluster);
    let declared = match &environment.status.capacity {
        Some(capacity) => {
            validate_capacity(&mut at.child("status.capacity.gpuPools"), capacity);
            capacity.gpu_pools.clone()
        }
        None => declared_pools(&environment.spec.cluster),
    };
    let pools = identify(declared);
    if let Some(rdma) = &environment.spec.rdma {
        validate_rdma(&mut at.child("spec.rdma"), rdma, &pools);
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let cluster = &environment.spec.cluster;
    Ok(Environment {
        labels: environment.metadata.labels.clone(),
        deleting: environment.metadata.deletion_timestamp.is_some(),
        availability: environment.spec.availability,
        access: match (cluster.source, environment.status.provider_config()) {
            (ClusterSource::Local, _) => Access::Local,
            (ClusterSource::Existing | ClusterSource::Gke, Some(name)) => Access::Provider(name.to_owned()),
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
        repointed: repointed(environment),
        ledger: environment.status.ledger.clone(),
    })
}

/// An environment is one cluster for life: what stands there would be applied to the other, and go on running on this one.
pub fn repointed(environment: &InferenceEnvironment) -> Option<Violation> {
    let wanted = &environment.spec.cluster.existing.as_ref()?.secret_ref;
    let KubeconfigSecret { name, key } = environment.status.cluster.as_ref().filter(|cluster| *cluster != wanted)?;
    Some(Violation::new(
        "spec.cluster.existing.secretRef",
        format!(
            "names another Secret than key {key} of {name}, with which the cluster is reached; restore it, and give another cluster an \
                 environment of its own"
        ),
    ))
}

/// The rules of pools that somebody reports.
fn validate_capacity(at: &mut At<'_>, capacity: &Capacity) {
    let mut names = BTreeSet::new();
    for (index, pool) in capacity.gpu_pools.iter().enumerate() {
        let mut at = at.index(index);
        if let Some(name) = &pool.name
            && !names.insert(name)
        {
            at.child("name").refuse(format!("repeats {name:?}; give each pool a name of its own"));
        }
        at.child("memory").check_positive(&pool.memory);
        if let Some(name) = &pool.resource_name {
            at.child("resourceName").check_extended_resource(name);
        }
        at.child("nodeSelector").check_labels(&pool.node_selector);
        at.child("tolerations").check_template(&pool.tolerations);
    }
}

/// Pools with an id each, sorted by it.
fn identify(declared: Vec<GpuPool>) -> Vec<Pool> {
    let given: BTreeSet<String> = declared.iter().filter_map(|pool| pool.name.clone()).collect();
    let mut taken = BTreeSet::new();
    let mut pools = Vec::new();
    for pool in declared {
        let named = pool.name.is_some();
        let id = match pool.name {
            Some(name) => name,
            None => generated_id(&pool.accelerator_type, &given, &taken),
        };
        taken.insert(id.clone());
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

fn validate_rdma(at: &mut At<'_>, rdma: &Rdma, pools: &[Pool]) {
    for (field, resources) in [("resources", &rdma.resources), ("resourcesPerGpu", &rdma.resources_per_gpu)] {
        let mut at = at.child(field);
        for (name, count) in resources {
            let mut at = at.key(name);
            at.check_number(*count, limits::DEVICES);
            at.check_extended_resource(name);
            if let Some(pool) = pools.iter().find(|pool| pool.resource_name == *name) {
                at.refuse(format!("is what the GPUs of pool {} go by; remove it", pool.id));
            }
        }
    }
    let mut annotations = at.child("annotations");
    annotations.check_annotation_keys(&rdma.annotations);
    for (key, value) in &rdma.annotations {
        annotations.key(key).check_template(value);
    }
    at.child("nodeSelector").check_labels(&rdma.node_selector);
    validate_env(&mut at.child("env"), &rdma.env, limits::RDMA_ENTRIES);
    validate_volumes(&mut at.child("volumes"), &rdma.volumes);
    validate_mounts(&mut at.child("volumeMounts"), &rdma.volume_mounts);
}

fn validate_volumes(at: &mut At<'_>, volumes: &[Volume]) {
    at.check_count(volumes.len(), limits::RDMA_ENTRIES);
    at.check_distinct(volumes.iter().map(|volume| volume.name.as_str()));
    for (index, volume) in volumes.iter().enumerate() {
        let (mut at, name) = (at.index(index), &volume.name);
        at.child("name").check_length(name, limits::NAME);
        if PRESET_VOLUMES.contains(&name.as_str()) {
            let message = format!("is {name:?}, a volume of KServe's presets, with which it would be merged; give it another name");
            at.child("name").refuse(message);
        }
        at.check_template(volume);
    }
}

fn validate_mounts(at: &mut At<'_>, mounts: &[VolumeMount]) {
    at.check_count(mounts.len(), limits::RDMA_ENTRIES);
    for (index, mount) in mounts.iter().enumerate() {
        let mut at = at.index(index);
        for (field, text) in [("name", &mount.name), ("mountPath", &mount.mount_path)] {
            if text.is_empty() {
                at.child(field).refuse("is missing; a mount names a volume and says where it goes");
            }
        }
        at.check_template(mount);
    }
}
