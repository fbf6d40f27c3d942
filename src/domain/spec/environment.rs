//! An InferenceEnvironment that keeps the rules, with its pools.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Toleration;

use super::cluster::{declared_pools, validate_cluster, validate_request};
use super::pod_overlay::{validate_claims, validate_overlay, validate_resources};
use super::volumes::{validate_mounts, validate_volumes};
use super::{at::At, engine_env::validate_env, violation::Violation};
use crate::api::inference_environment::{
    Availability, Capacity, ClusterSource, DEFAULT_GPU_RESOURCE, GpuPool, InferenceEnvironment, KubeconfigSecret, Rdma,
};
use crate::api::limits;
use crate::api::{environment_ledger::EnvironmentLedger, pod_overlay::PodOverlay, quantity::Quantity};
use crate::domain::{fabric::Vendor, key::environment_name_error};

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
    /// What every pod gets besides.
    pub pod: Option<PodOverlay>,
    /// Labels of its namespaces on another cluster.
    pub namespace_labels: BTreeMap<String, String>,
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
    /// How a pod asks for them.
    pub request: GpuRequest,
    /// Labels that its nodes have.
    pub node_selector: BTreeMap<String, String>,
    /// What its nodes' pods must tolerate.
    pub tolerations: Vec<Toleration>,
}

/// How a pod asks for GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpuRequest {
    /// By the number of an extended resource of this name.
    Counted(String),
    /// By a claim for each, from a ResourceClaimTemplate of this name.
    Claimed(String),
}

impl GpuRequest {
    /// The extended resource, where there is one.
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Counted(name) => Some(name),
            Self::Claimed(_) => None,
        }
    }
}

impl Pool {
    /// Who makes its GPUs; `None` where they are claimed, or of a resource that is nobody's.
    pub fn vendor(&self) -> Option<Vendor> {
        self.request.resource().and_then(Vendor::of)
    }

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
    if let Some(pod) = &environment.spec.pod {
        validate_pod(&mut at.child("spec.pod"), pod, &pools);
    }
    at.child("spec.namespaceLabels").check_labels(&environment.spec.namespace_labels);
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
        pod: environment.spec.pod.clone(),
        namespace_labels: environment.spec.namespace_labels.clone(),
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
        validate_request(&mut at, pool.resource_name.as_deref(), pool.resource_claim_template_name.as_deref());
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
            request: match (pool.resource_claim_template_name, pool.resource_name) {
                (Some(template), _) => GpuRequest::Claimed(template),
                (None, Some(name)) => GpuRequest::Counted(name),
                (None, None) => GpuRequest::Counted(DEFAULT_GPU_RESOURCE.to_owned()),
            },
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

/// What the GPUs go by would be overwritten by what the pod itself asks for.
fn check_pool_resources<'a>(at: &mut At<'_>, names: impl Iterator<Item = &'a String>, pools: &[Pool]) {
    for name in names {
        if let Some(pool) = pools.iter().find(|pool| pool.request.resource() == Some(name)) {
            at.key(name).refuse(format!("is what the GPUs of pool {} go by; remove it", pool.id));
        }
    }
}

fn validate_pod(at: &mut At<'_>, pod: &PodOverlay, pools: &[Pool]) {
    validate_overlay(at, pod);
    check_pool_resources(&mut at.child("resources"), pod.resources.keys(), pools);
    let mut node_selector = at.child("nodeSelector");
    for (key, value) in &pod.node_selector {
        if let Some(pool) = pools.iter().find(|pool| pool.node_selector.get(key).is_some_and(|other| other != value)) {
            node_selector
                .key(key)
                .refuse(format!("is {value:?}, which the nodes of pool {} have otherwise; no pod would start there", pool.id));
        }
    }
}

fn validate_rdma(at: &mut At<'_>, rdma: &Rdma, pools: &[Pool]) {
    validate_resources(&mut at.child("resources"), &rdma.resources);
    check_pool_resources(&mut at.child("resources"), rdma.resources.keys(), pools);
    let mut per_gpu = at.child("resourcesPerGpu");
    for (name, count) in &rdma.resources_per_gpu {
        let mut at = per_gpu.key(name);
        at.check_number(*count, limits::DEVICES);
        at.check_extended_resource(name);
    }
    check_pool_resources(&mut per_gpu, rdma.resources_per_gpu.keys(), pools);
    validate_claims(&mut at.child("resourceClaims"), &rdma.resource_claims);
    let mut annotations = at.child("annotations");
    annotations.check_annotation_keys(&rdma.annotations);
    for (key, value) in &rdma.annotations {
        annotations.key(key).check_template(value);
    }
    at.child("nodeSelector").check_labels(&rdma.node_selector);
    validate_env(&mut at.child("env"), &rdma.env, limits::RDMA_ENTRIES);
    validate_volumes(&mut at.child("volumes"), &rdma.volumes, limits::RDMA_ENTRIES);
    validate_mounts(&mut at.child("volumeMounts"), &rdma.volume_mounts, limits::RDMA_ENTRIES, None);
}
