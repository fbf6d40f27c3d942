//! The rules of what an InferenceEnvironment says of its cluster.

use std::collections::BTreeMap;

use super::at::At;
use crate::api::inference_environment::{
    Cluster, ClusterSource, DEFAULT_GPU_RESOURCE, ExistingCluster, GkeCluster, GkeNodePool, GkeNodePoolRole, Gpu, GpuPool, NodePool,
};
use crate::api::limits;

/// Checks every rule of a cluster.
pub fn validate_cluster(at: &mut At<'_>, cluster: &Cluster) {
    let blocks = [
        (ClusterSource::Existing, "Existing", "existing", cluster.existing.is_some()),
        (ClusterSource::Gke, "GKE", "gke", cluster.gke.is_some()),
        // A Local cluster without GPU pools may leave its block out.
        (ClusterSource::Local, "Local", "local", cluster.local.is_some() || cluster.source == ClusterSource::Local),
    ];
    for (source, name, block, present) in blocks {
        match (cluster.source == source, present) {
            (false, true) => at.child(block).refuse(format!("is set but source is not {name}; remove it")),
            (true, false) => at.child(block).refuse(format!("is missing; source {name} needs it")),
            (true, true) | (false, false) => {}
        }
    }
    if let Some(existing) = &cluster.existing {
        validate_existing(&mut at.child("existing"), existing);
    }
    if let Some(local) = &cluster.local {
        validate_node_pools(&mut at.child("local.nodePools"), &local.node_pools);
    }
    if let Some(gke) = &cluster.gke {
        validate_gke(&mut at.child("gke"), gke);
    }
}

fn validate_existing(at: &mut At<'_>, existing: &ExistingCluster) {
    at.child("secretRef.name").check_length(&existing.secret_ref.name, limits::NAME);
    at.child("secretRef.key").check_length(&existing.secret_ref.key, limits::NAME);
    if let Some(secret) = &existing.identity_secret_ref {
        at.child("identitySecretRef.name").check_length(&secret.name, limits::NAME);
        at.child("identitySecretRef.key").check_length(&secret.key, limits::NAME);
    }
    validate_node_pools(&mut at.child("nodePools"), &existing.node_pools);
}

fn validate_node_pools(at: &mut At<'_>, pools: &[NodePool]) {
    at.check_count(pools.len(), limits::POOLS);
    at.check_distinct(pools.iter().map(|pool| pool.name.as_str()));
    for (index, pool) in pools.iter().enumerate() {
        let mut at = at.index(index);
        at.child("name").check_length(&pool.name, limits::POOL_NAME);
        at.child("nodeCount").check_number(pool.node_count, limits::NODES);
        if let Some(most) = pool.max_node_count {
            at.child("maxNodeCount").check_number(most, limits::NODES);
        }
        if let Some(gpu) = &pool.gpu {
            validate_gpu(&mut at.child("gpu"), gpu);
        }
        at.child("nodeSelector").check_labels(&pool.node_selector);
        let mut tolerations = at.child("tolerations");
        tolerations.check_count(pool.tolerations.len(), limits::TOLERATIONS);
        tolerations.check_template(&pool.tolerations);
    }
}

fn validate_gpu(at: &mut At<'_>, gpu: &Gpu) {
    at.child("acceleratorType").check_length(&gpu.accelerator_type, limits::ACCELERATOR);
    at.child("acceleratorCount").check_number(gpu.accelerator_count, limits::GPUS);
    at.child("memory").check_positive(&gpu.memory);
    validate_request(at, gpu.resource_name.as_deref(), gpu.resource_claim_template_name.as_deref());
}

/// The rules of how pods ask for GPUs.
pub fn validate_request(at: &mut At<'_>, resource: Option<&str>, template: Option<&str>) {
    if let Some(name) = resource {
        at.child("resourceName").check_extended_resource(name);
    }
    if let Some(name) = template {
        at.child("resourceClaimTemplateName").check_object_name(name);
    }
    if resource.is_some() && template.is_some() {
        at.child("resourceClaimTemplateName")
            .refuse("is set beside resourceName; GPUs are either counted or claimed, so remove one of them");
    }
}

fn validate_gke(at: &mut At<'_>, gke: &GkeCluster) {
    at.child("project").check_length(&gke.project, limits::GKE_PROJECT);
    at.child("region").check_length(&gke.region, limits::GKE_REGION);
    let mut pools = at.child("nodePools");
    pools.check_count(gke.node_pools.len(), limits::GKE_POOLS);
    pools.check_distinct(gke.node_pools.iter().map(|pool| pool.name.as_str()));
    for (index, pool) in gke.node_pools.iter().enumerate() {
        let mut at = pools.index(index);
        at.child("name").check_length(&pool.name, limits::POOL_NAME);
        at.child("diskSizeGb").check_number(pool.disk_size_gb, limits::GKE_DISK_GB);
        at.child("nodeCount").check_number(pool.node_count, limits::NODES_OR_NONE);
        at.child("minNodeCount").check_number(pool.min_node_count, limits::NODES_OR_NONE);
        at.child("maxNodeCount").check_number(pool.max_node_count, limits::NODES_OR_NONE);
        if let Some(gpu) = &pool.gpu {
            validate_gpu(&mut at.child("gpu"), gpu);
        }
    }
}

/// The GPU pools that a cluster declares, as an environment's status shows them.
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
        resource_name: match (&gpu.resource_name, &gpu.resource_claim_template_name) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(DEFAULT_GPU_RESOURCE.to_owned()),
        },
        resource_claim_template_name: gpu.resource_claim_template_name.clone(),
        node_selector: BTreeMap::new(),
        tolerations: Vec::new(),
    }
}
