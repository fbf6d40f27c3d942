//! The rules of what people give pods besides: what Kubernetes would refuse, and what would break the contract with KServe.

use std::collections::{BTreeMap, BTreeSet};

use super::at::At;
use super::containers::validate_containers;
use super::volumes::{validate_mounts, validate_volumes};
use crate::api::limits;
use crate::api::pod_overlay::{ClaimPer, PodClaim, PodOverlay, SecurityProfile};
use crate::api::quantity::Quantity;
use crate::domain::kserve::{MANAGED_CLAIM, PRESET_VOLUMES, owns_label};
use crate::domain::names::OUR_PREFIX;

/// What the claims of a pool's GPUs are called in a pod; each has its number behind it.
pub const GPU_CLAIM: &str = "gpu";

/// Whether a claim of a pod is that of a GPU.
pub fn is_gpu_claim(name: &str) -> bool {
    is_numbered_after(name, GPU_CLAIM)
}

/// The field by which an engine does not run as root; none where it does. What its container says goes before what its pod says.
pub fn takes_root(overlay: &PodOverlay) -> Option<&'static str> {
    let (container, pod) = (overlay.container_security_context.as_ref(), overlay.security_context.as_ref());
    let user = container.and_then(|context| context.run_as_user);
    let non_root = container.and_then(|context| context.run_as_non_root);
    match user.or(pod.and_then(|context| context.run_as_user)) {
        Some(0) => return None,
        Some(_) if user.is_some() => return Some("containerSecurityContext.runAsUser"),
        Some(_) => return Some("securityContext.runAsUser"),
        None => {}
    }
    match non_root.or(pod.and_then(|context| context.run_as_non_root)) {
        Some(true) if non_root.is_some() => Some("containerSecurityContext.runAsNonRoot"),
        Some(true) => Some("securityContext.runAsNonRoot"),
        Some(false) | None => (overlay.security_profile == Some(SecurityProfile::Restricted)).then_some("securityProfile"),
    }
}

/// Checks every rule of an overlay.
pub fn validate_overlay(at: &mut At<'_>, overlay: &PodOverlay) {
    validate_labels(&mut at.child("labels"), &overlay.labels);
    validate_annotations(&mut at.child("annotations"), &overlay.annotations);
    let secrets = &overlay.image_pull_secrets;
    let mut pull_secrets = at.child("imagePullSecrets");
    pull_secrets.check_count(secrets.len(), limits::OVERLAY_ENTRIES);
    pull_secrets.check_distinct(secrets.iter().map(|secret| secret.name.as_str()));
    for (index, secret) in secrets.iter().enumerate() {
        pull_secrets.index(index).child("name").check_object_name(&secret.name);
    }
    validate_claims(&mut at.child("resourceClaims"), &overlay.resource_claims);
    validate_resources(&mut at.child("resources"), &overlay.resources);
    at.child("nodeSelector").check_labels(&overlay.node_selector);
    at.child("tolerations").check_tolerations(&overlay.tolerations);
    if let Some(affinity) = &overlay.affinity {
        at.child("affinity").check_affinity(affinity);
    }
    at.child("topologySpreadConstraints").check_spread(&overlay.topology_spread_constraints);
    let names = [
        ("priorityClassName", &overlay.priority_class_name),
        ("schedulerName", &overlay.scheduler_name),
        ("runtimeClassName", &overlay.runtime_class_name),
    ];
    for (field, name) in names {
        if let Some(name) = name {
            at.child(field).check_object_name(name);
        }
    }
    if let Some(seconds) = overlay.termination_grace_period_seconds {
        at.child("terminationGracePeriodSeconds").check_number(seconds, limits::GRACE_SECONDS);
    }
    if let Some(context) = &overlay.security_context {
        at.child("securityContext").check_pod_security(context);
    }
    if let Some(context) = &overlay.container_security_context {
        at.child("containerSecurityContext").check_container_security(context);
    }
    validate_volumes(&mut at.child("volumes"), &overlay.volumes, limits::OVERLAY_ENTRIES);
    let volumes: BTreeSet<&str> = overlay.volumes.iter().map(|volume| volume.name.as_str()).chain(PRESET_VOLUMES).collect();
    validate_mounts(&mut at.child("volumeMounts"), &overlay.volume_mounts, limits::OVERLAY_ENTRIES, Some(&volumes));
    validate_containers(at, overlay, &volumes);
}

/// What reaches the node, or goes before other pods, is the platform team's to give: a team's own Model would take it for itself.
pub fn refuse_node_access(at: &mut At<'_>, overlay: &PodOverlay) {
    const MESSAGE: &str = "gives a pod more than its containers, which only a ClusterModel or an InferenceEnvironment may; remove it";
    let flags = [
        ("hostNetwork", overlay.host_network == Some(true)),
        ("hostIPC", overlay.host_ipc == Some(true)),
        ("priorityClassName", overlay.priority_class_name.is_some()),
        ("runtimeClassName", overlay.runtime_class_name.is_some()),
        ("securityContext.sysctls", overlay.security_context.iter().any(|context| context.sysctls.is_some())),
    ];
    for (field, _) in flags.into_iter().filter(|(_, given)| *given) {
        at.child(field).refuse(MESSAGE);
    }
    if let Some(context) = &overlay.container_security_context {
        at.child("containerSecurityContext").refuse_privileges(context, MESSAGE);
    }
    for (index, _) in overlay.volumes.iter().enumerate().filter(|(_, volume)| volume.host_path.is_some()) {
        at.child("volumes").index(index).child("hostPath").refuse(MESSAGE);
    }
    for (field, containers) in [("initContainers", &overlay.init_containers), ("containers", &overlay.containers)] {
        for (index, container) in containers.iter().enumerate() {
            let mut at = at.child(field);
            let mut at = at.index(index);
            if let Some(context) = &container.security_context {
                at.child("securityContext").refuse_privileges(context, MESSAGE);
            }
            if container.ports.iter().flatten().any(|port| port.host_port.is_some()) {
                at.child("ports").refuse(MESSAGE);
            }
        }
    }
}

fn validate_labels(at: &mut At<'_>, labels: &BTreeMap<String, String>) {
    at.check_labels(labels);
    for key in labels.keys().filter(|key| key.starts_with(OUR_PREFIX) || owns_label(key)) {
        at.key(key).refuse("is a label that KServe or this function sets; choose another key");
    }
}

fn validate_annotations(at: &mut At<'_>, annotations: &BTreeMap<String, String>) {
    at.check_annotation_keys(annotations);
    for (key, value) in annotations {
        let mut at = at.key(key);
        if key.starts_with(OUR_PREFIX) {
            at.refuse("is an annotation of this function's; choose another key");
        }
        at.check_template(value);
    }
}

/// The rules of claims. Those of the GPUs are ours, and one more is KServe's.
pub fn validate_claims(at: &mut At<'_>, claims: &[PodClaim]) {
    at.check_count(claims.len(), limits::OVERLAY_ENTRIES);
    at.check_distinct(claims.iter().map(|claim| claim.name.as_str()));
    for (index, claim) in claims.iter().enumerate() {
        let mut at = at.index(index);
        let mut name = at.child("name");
        name.check_length(&claim.name, limits::CLAIM_NAME);
        name.check_label_name(&claim.name);
        if claim.name == GPU_CLAIM || is_gpu_claim(&claim.name) || claim.name == MANAGED_CLAIM {
            name.refuse(format!("is {:?}, a name of this function's or KServe's own claims; give it another", claim.name));
        }
        if let Some(other) = claims.iter().find(|other| other.per == ClaimPer::Gpu && is_numbered_after(&claim.name, &other.name)) {
            name.refuse(format!("is {:?}, as {:?} is called for one of the GPUs; give it another name", claim.name, other.name));
        }
        let named = [("resourceClaimTemplateName", &claim.resource_claim_template_name), ("resourceClaimName", &claim.resource_claim_name)];
        for (field, name) in named {
            if let Some(name) = name {
                at.child(field).check_object_name(name);
            }
        }
        if claim.resource_claim_template_name.is_some() == claim.resource_claim_name.is_some() {
            at.refuse(
                "must have either resourceClaimTemplateName, for a claim of each pod's own, or resourceClaimName, for one that all share",
            );
        }
        if claim.resource_claim_name.is_some() && claim.per == ClaimPer::Gpu {
            at.child("per").refuse("is GPU, but a ResourceClaim is one for all pods; use resourceClaimTemplateName");
        }
        if let Some(request) = &claim.request {
            at.child("request").check_length(request, limits::CLAIM_NAME);
            at.child("request").check_label_name(request);
        }
    }
}

fn is_numbered_after(name: &str, base: &str) -> bool {
    let digits = name.strip_prefix(base).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The rules of what a container asks for beside CPU, memory and GPUs.
pub fn validate_resources(at: &mut At<'_>, resources: &BTreeMap<String, Quantity>) {
    for (name, quantity) in resources {
        let mut at = at.key(name);
        at.check_positive(quantity);
        match name.as_str() {
            "cpu" | "memory" | "ephemeral-storage" => at.refuse("is what the resources of the profile or the model say; write it there"),
            name if name.starts_with(HUGE_PAGES) => check_huge_pages(&mut at, name, quantity),
            name => {
                at.check_extended_resource(name);
                if quantity.is_positive() {
                    match quantity.whole() {
                        Some(count) => at.check_number(count, limits::DEVICES),
                        None => at.refuse(format!("is {quantity}; devices are counted in whole numbers")),
                    }
                }
            }
        }
    }
}

/// What the resources of huge pages start with; the size of a page comes behind it.
pub const HUGE_PAGES: &str = "hugepages-";

fn check_huge_pages(at: &mut At<'_>, name: &str, quantity: &Quantity) {
    let size: Option<Quantity> = name.strip_prefix(HUGE_PAGES).and_then(|size| size.parse().ok());
    match size.filter(Quantity::is_positive) {
        None => at.refuse("has no size of a page behind hugepages-; write hugepages-2Mi or hugepages-1Gi"),
        Some(size) => {
            if quantity.is_positive() && quantity.nanos().checked_rem(size.nanos()) != Some(0) {
                at.refuse(format!("is {quantity}, which is no multiple of a page of {size}"));
            }
        }
    }
}
