//! An InferenceEnvironment that keeps the rules, with its pools.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Toleration;

use crate::api::environment_ledger::EnvironmentLedger;
use crate::api::inference_environment::{
    Availability, Capacity, ClusterSource, DEFAULT_GPU_RESOURCE, GpuPool, InferenceEnvironment, KubeconfigSecret, Rdma,
};
use crate::api::limits;
use crate::api::quantity::Quantity;
use crate::domain::engine::template_text::{TEMPLATE_REFUSED, holds_template, serialized_holds_template};
use crate::domain::key::environment_name_error;
use crate::domain::names::PRESET_VOLUMES;
use crate::domain::spec::bounds::{
    check_annotation_keys, check_count, check_distinct, check_extended_resource, check_labels, check_length, check_number, check_positive,
};
use crate::domain::spec::cluster::{declared_pools, validate_cluster};
use crate::domain::spec::model::validate_env;
use crate::domain::spec::violation::Violation;

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
    #[must_use]
    pub fn is_called(&self, accelerator: &str) -> bool {
        self.accelerator_type == accelerator || (self.named && self.id == accelerator)
    }
}

impl Environment {
    /// The Secret that its cluster is reached with.
    #[must_use]
    pub fn kubeconfig(&self) -> Option<&KubeconfigSecret> {
        match &self.cluster {
            ClusterIdentity::Kubeconfig(secret) => Some(secret),
            ClusterIdentity::Local | ClusterIdentity::Own(_) => None,
        }
    }

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
    validate_cluster("spec.cluster", &environment.spec.cluster, &mut violations);
    let declared = match &environment.status.capacity {
        Some(capacity) => {
            validate_capacity(capacity, &mut violations);
            capacity.gpu_pools.clone()
        }
        None => declared_pools(&environment.spec.cluster),
    };
    let pools = identify(declared);
    if let Some(rdma) = &environment.spec.rdma {
        validate_rdma(rdma, &pools, &mut violations);
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
#[must_use]
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
fn validate_capacity(capacity: &Capacity, violations: &mut Vec<Violation>) {
    let mut names = BTreeSet::new();
    for (index, pool) in capacity.gpu_pools.iter().enumerate() {
        let path = format!("status.capacity.gpuPools[{index}]");
        if let Some(name) = &pool.name
            && !names.insert(name)
        {
            violations.push(Violation::new(format!("{path}.name"), format!("repeats {name:?}; give each pool a name of its own")));
        }
        check_positive(format!("{path}.memory"), &pool.memory, violations);
        if let Some(name) = &pool.resource_name {
            check_extended_resource(format!("{path}.resourceName"), name, violations);
        }
        check_labels(&format!("{path}.nodeSelector"), &pool.node_selector, violations);
        if serialized_holds_template(&pool.tolerations) {
            violations.push(Violation::new(format!("{path}.tolerations"), TEMPLATE_REFUSED));
        }
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

fn validate_rdma(rdma: &Rdma, pools: &[Pool], violations: &mut Vec<Violation>) {
    for (field, resources) in [("resources", &rdma.resources), ("resourcesPerGpu", &rdma.resources_per_gpu)] {
        for (name, count) in resources {
            let path = format!("spec.rdma.{field}[{name:?}]");
            check_number(&path, *count, limits::DEVICES, violations);
            check_extended_resource(&path, name, violations);
            if let Some(pool) = pools.iter().find(|pool| pool.resource_name == *name) {
                violations.push(Violation::new(path, format!("is what the GPUs of pool {} go by; remove it", pool.id)));
            }
        }
    }
    check_annotation_keys("spec.rdma.annotations", &rdma.annotations, violations);
    for key in rdma.annotations.iter().filter(|(_, value)| holds_template(value)).map(|(key, _)| key) {
        violations.push(Violation::new(format!("spec.rdma.annotations[{key:?}]"), TEMPLATE_REFUSED));
    }
    check_labels("spec.rdma.nodeSelector", &rdma.node_selector, violations);
    validate_env("spec.rdma.env", &rdma.env, limits::RDMA_ENTRIES, violations);
    validate_volumes(rdma, violations);
}

fn validate_volumes(rdma: &Rdma, violations: &mut Vec<Violation>) {
    check_count("spec.rdma.volumes", rdma.volumes.len(), limits::RDMA_ENTRIES, violations);
    check_distinct("spec.rdma.volumes", rdma.volumes.iter().map(|volume| volume.name.as_str()), violations);
    for (index, volume) in rdma.volumes.iter().enumerate() {
        check_length(format!("spec.rdma.volumes[{index}].name"), &volume.name, limits::NAME, violations);
        if PRESET_VOLUMES.contains(&volume.name.as_str()) {
            let name = &volume.name;
            violations.push(Violation::new(
                format!("spec.rdma.volumes[{index}].name"),
                format!("is {name:?}, a volume of KServe's presets, with which it would be merged; give it another name"),
            ));
        }
        if serialized_holds_template(volume) {
            violations.push(Violation::new(format!("spec.rdma.volumes[{index}]"), TEMPLATE_REFUSED));
        }
    }
    check_count("spec.rdma.volumeMounts", rdma.volume_mounts.len(), limits::RDMA_ENTRIES, violations);
    for (index, mount) in rdma.volume_mounts.iter().enumerate() {
        let path = format!("spec.rdma.volumeMounts[{index}]");
        for (field, text) in [("name", &mount.name), ("mountPath", &mount.mount_path)] {
            if text.is_empty() {
                violations.push(Violation::new(format!("{path}.{field}"), "is missing; a mount names a volume and says where it goes"));
            }
        }
        if serialized_holds_template(mount) {
            violations.push(Violation::new(path, TEMPLATE_REFUSED));
        }
    }
}
