//! The rules of what an InferenceEnvironment says of its cluster.

use std::collections::BTreeMap;

use crate::api::inference_environment::{
    Cluster, ClusterSource, ExistingCluster, GkeCluster, GkeNodePool, GkeNodePoolRole, Gpu, GpuPool, NodePool,
};
use crate::api::limits;
use crate::domain::engine::template_text::{TEMPLATE_REFUSED, serialized_holds_template};
use crate::domain::spec::bounds::{
    check_count, check_distinct, check_extended_resource, check_labels, check_length, check_number, check_positive,
};
use crate::domain::spec::violation::Violation;

/// Checks every rule of a cluster.
pub fn validate_cluster(path: &str, cluster: &Cluster, violations: &mut Vec<Violation>) {
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
            violations.push(Violation::new(format!("{path}.{block}"), message));
        }
    }
    if let Some(existing) = &cluster.existing {
        validate_existing(&format!("{path}.existing"), existing, violations);
    }
    if let Some(local) = &cluster.local {
        validate_node_pools(&format!("{path}.local.nodePools"), &local.node_pools, violations);
    }
    if let Some(gke) = &cluster.gke {
        validate_gke(&format!("{path}.gke"), gke, violations);
    }
}

fn validate_existing(path: &str, existing: &ExistingCluster, violations: &mut Vec<Violation>) {
    let secret = &existing.secret_ref;
    check_length(format!("{path}.secretRef.name"), &secret.name, limits::NAME, violations);
    check_length(format!("{path}.secretRef.key"), &secret.key, limits::NAME, violations);
    if let Some(secret) = &existing.identity_secret_ref {
        check_length(format!("{path}.identitySecretRef.name"), &secret.name, limits::NAME, violations);
        check_length(format!("{path}.identitySecretRef.key"), &secret.key, limits::NAME, violations);
    }
    validate_node_pools(&format!("{path}.nodePools"), &existing.node_pools, violations);
}

fn validate_node_pools(path: &str, pools: &[NodePool], violations: &mut Vec<Violation>) {
    check_count(path, pools.len(), limits::POOLS, violations);
    check_distinct(path, pools.iter().map(|pool| pool.name.as_str()), violations);
    for (index, pool) in pools.iter().enumerate() {
        let path = format!("{path}[{index}]");
        check_length(format!("{path}.name"), &pool.name, limits::POOL_NAME, violations);
        check_number(format!("{path}.nodeCount"), pool.node_count, limits::NODES, violations);
        if let Some(most) = pool.max_node_count {
            check_number(format!("{path}.maxNodeCount"), most, limits::NODES, violations);
        }
        if let Some(gpu) = &pool.gpu {
            validate_gpu(&format!("{path}.gpu"), gpu, violations);
        }
        check_labels(&format!("{path}.nodeSelector"), &pool.node_selector, violations);
        check_count(format!("{path}.tolerations"), pool.tolerations.len(), limits::TOLERATIONS, violations);
        if serialized_holds_template(&pool.tolerations) {
            violations.push(Violation::new(format!("{path}.tolerations"), TEMPLATE_REFUSED));
        }
    }
}

fn validate_gpu(path: &str, gpu: &Gpu, violations: &mut Vec<Violation>) {
    check_length(format!("{path}.acceleratorType"), &gpu.accelerator_type, limits::ACCELERATOR, violations);
    check_number(format!("{path}.acceleratorCount"), gpu.accelerator_count, limits::GPUS, violations);
    check_positive(format!("{path}.memory"), &gpu.memory, violations);
    check_extended_resource(format!("{path}.resourceName"), &gpu.resource_name, violations);
}

fn validate_gke(path: &str, gke: &GkeCluster, violations: &mut Vec<Violation>) {
    check_length(format!("{path}.project"), &gke.project, limits::GKE_PROJECT, violations);
    check_length(format!("{path}.region"), &gke.region, limits::GKE_REGION, violations);
    let pools = format!("{path}.nodePools");
    check_count(&pools, gke.node_pools.len(), limits::GKE_POOLS, violations);
    check_distinct(&pools, gke.node_pools.iter().map(|pool| pool.name.as_str()), violations);
    for (index, pool) in gke.node_pools.iter().enumerate() {
        let path = format!("{pools}[{index}]");
        check_length(format!("{path}.name"), &pool.name, limits::POOL_NAME, violations);
        check_number(format!("{path}.diskSizeGb"), pool.disk_size_gb, limits::GKE_DISK_GB, violations);
        check_number(format!("{path}.nodeCount"), pool.node_count, limits::NODES_OR_NONE, violations);
        check_number(format!("{path}.minNodeCount"), pool.min_node_count, limits::NODES_OR_NONE, violations);
        check_number(format!("{path}.maxNodeCount"), pool.max_node_count, limits::NODES_OR_NONE, violations);
        if let Some(gpu) = &pool.gpu {
            validate_gpu(&format!("{path}.gpu"), gpu, violations);
        }
    }
}

/// The GPU pools that a cluster declares, as an environment's status shows them.
#[must_use]
pub fn declared_pools(cluster: &Cluster) -> Vec<GpuPool> {
    match cluster.source {
        ClusterSource::Existing => cluster.existing.iter().flat_map(|existing| &existing.node_pools).filter_map(node_pool).collect(),
        ClusterSource::Local => cluster.local.iter().flat_map(|local| &local.node_pools).filter_map(node_pool).collect(),
        ClusterSource::Gke => cluster.gke.iter().flat_map(|gke| &gke.node_pools).filter_map(gke_node_pool).collect(),
    }
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
