//! What a pod gets besides, laid over one another: the environment's overlay, what it gives for RDMA, the engine's overlay. Lists with a key
//! merge by it and an entry replaces the one before it as a whole; maps and objects merge field by field; tolerations add up, because what a
//! pool asks for must stay; everything else is replaced.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{PodResourceClaim, ResourceClaim};

use crate::api::inference_environment::Rdma;
use crate::api::pod_overlay::{ClaimPer, PodClaim, PodOverlay};
use crate::api::quantity::Quantity;
use crate::domain::spec::pod_overlay::GPU_CLAIM;

/// What RDMA gives a pod with so many GPUs, but for the nodes that it asks for.
pub(super) fn of_rdma(rdma: &Rdma, gpus: u32) -> PodOverlay {
    let mut resources = rdma.resources.clone();
    for (name, count) in &rdma.resources_per_gpu {
        let per_pod = resources.get(name).and_then(Quantity::whole).unwrap_or_default();
        let sum = count.saturating_mul(gpus).saturating_add(per_pod);
        resources.insert(name.clone(), Quantity::units(sum));
    }
    PodOverlay {
        resources,
        resource_claims: rdma.resource_claims.clone(),
        annotations: rdma.annotations.clone(),
        volumes: rdma.volumes.clone(),
        volume_mounts: rdma.volume_mounts.clone(),
        ..PodOverlay::default()
    }
}

/// An overlay with another over it.
pub(super) fn lay(mut below: PodOverlay, over: &PodOverlay) -> PodOverlay {
    let over = over.clone();
    below.labels.extend(over.labels);
    below.annotations.extend(over.annotations);
    below.resources.extend(over.resources);
    below.node_selector.extend(over.node_selector);
    below.security_context.merge_from(over.security_context);
    below.container_security_context.merge_from(over.container_security_context);
    below.affinity.merge_from(over.affinity);
    below.tolerations = joined(below.tolerations, over.tolerations, |a, b| a == b);
    PodOverlay {
        security_profile: over.security_profile.or(below.security_profile),
        image_pull_secrets: joined(below.image_pull_secrets, over.image_pull_secrets, |a, b| a.name == b.name),
        resource_claims: joined(below.resource_claims, over.resource_claims, |a, b| a.name == b.name),
        topology_spread_constraints: joined(below.topology_spread_constraints, over.topology_spread_constraints, |a, b| {
            a.topology_key == b.topology_key
        }),
        priority_class_name: over.priority_class_name.or(below.priority_class_name),
        scheduler_name: over.scheduler_name.or(below.scheduler_name),
        runtime_class_name: over.runtime_class_name.or(below.runtime_class_name),
        volumes: joined(below.volumes, over.volumes, |a, b| a.name == b.name),
        volume_mounts: joined(below.volume_mounts, over.volume_mounts, |a, b| a.mount_path == b.mount_path),
        init_containers: joined(below.init_containers, over.init_containers, |a, b| a.name == b.name),
        containers: joined(below.containers, over.containers, |a, b| a.name == b.name),
        host_network: over.host_network.or(below.host_network),
        host_ipc: over.host_ipc.or(below.host_ipc),
        dns_policy: over.dns_policy.or(below.dns_policy),
        termination_grace_period_seconds: over.termination_grace_period_seconds.or(below.termination_grace_period_seconds),
        labels: below.labels,
        annotations: below.annotations,
        resources: below.resources,
        node_selector: below.node_selector,
        security_context: below.security_context,
        container_security_context: below.container_security_context,
        affinity: below.affinity,
        tolerations: below.tolerations,
    }
}

/// A list with another over it: an entry with the key of an earlier one takes its place.
pub(super) fn joined<T>(below: Vec<T>, over: Vec<T>, same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut joined = below;
    for entry in over {
        match joined.iter_mut().find(|earlier| same(earlier, &entry)) {
            Some(earlier) => *earlier = entry,
            None => joined.push(entry),
        }
    }
    joined
}

/// The claims of a pod with so many GPUs, and the references of its engine's container.
pub(super) fn render_claims(claims: &[PodClaim], gpus: u32) -> (Vec<PodResourceClaim>, Vec<ResourceClaim>) {
    let named = |claim: &PodClaim| -> Vec<String> {
        match claim.per {
            ClaimPer::Pod => vec![claim.name.clone()],
            ClaimPer::Gpu => (0..gpus).map(|gpu| format!("{}-{gpu}", claim.name)).collect(),
        }
    };
    let mut rendered = (Vec::new(), Vec::new());
    for (claim, name) in claims.iter().flat_map(|claim| named(claim).into_iter().map(move |name| (claim, name))) {
        rendered.1.push(ResourceClaim { name: name.clone(), request: claim.request.clone() });
        rendered.0.push(PodResourceClaim {
            name,
            resource_claim_name: claim.resource_claim_name.clone(),
            resource_claim_template_name: claim.resource_claim_template_name.clone(),
        });
    }
    rendered
}

/// The claims of a pool's GPUs.
pub(super) fn gpu_claim(template: &str) -> PodClaim {
    PodClaim {
        name: GPU_CLAIM.to_owned(),
        resource_claim_template_name: Some(template.to_owned()),
        resource_claim_name: None,
        per: ClaimPer::Gpu,
        request: None,
    }
}
