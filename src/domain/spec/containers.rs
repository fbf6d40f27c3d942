//! The rules of containers that run before or beside the engine.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, ContainerPort, Probe};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as K8sQuantity;

use super::at::At;
use super::engine_env::check_env;
use super::volumes::check_mounts;
use crate::api::limits;
use crate::api::pod_overlay::{ClaimPer, PodClaim, PodOverlay};
use crate::api::quantity::Quantity;
use crate::domain::fabric::Vendor;
use crate::domain::kserve::{
    CONTROLLER_CONTAINERS, DECODE_PORT, ENGINE_CONTAINER, ENGINE_PORT, MODEL_PATH, ROUTING_SIDECAR, STORAGE_INITIALIZER,
};

/// The rules of an overlay's containers. `volumes` are those that they may mount.
pub(super) fn validate_containers(at: &mut At<'_>, overlay: &PodOverlay, volumes: &BTreeSet<&str>) {
    let lists = [("initContainers", &overlay.init_containers), ("containers", &overlay.containers)];
    let mut seen = BTreeSet::new();
    for (field, containers) in lists {
        let mut at = at.child(field);
        at.check_count(containers.len(), limits::OVERLAY_ENTRIES);
        for (index, container) in containers.iter().enumerate() {
            let mut at = at.index(index);
            if !seen.insert(&container.name) {
                at.child("name").refuse(format!("repeats {:?}; give each container a name of its own", container.name));
            }
            let initial = field == "initContainers";
            if initial && container.name == STORAGE_INITIALIZER {
                check_initializer(&mut at, container);
            } else {
                check_container(&mut at, container, initial);
            }
            check_contents(&mut at, container, &overlay.resource_claims, volumes);
        }
    }
}

/// KServe's own container may get resources and a security context, which KServe takes from v0.20 on.
fn check_initializer(at: &mut At<'_>, container: &Container) {
    let own = [
        ("image", container.image.is_some()),
        ("command", container.command.is_some()),
        ("args", container.args.is_some()),
        ("restartPolicy", container.restart_policy.is_some()),
    ];
    for (field, given) in own {
        if given {
            at.child(field).refuse(format!("is KServe's own for {STORAGE_INITIALIZER}; remove it"));
        }
    }
}

fn check_container(at: &mut At<'_>, container: &Container, initial: bool) {
    let name = container.name.as_str();
    at.child("name").check_label_name(name);
    if name == ENGINE_CONTAINER {
        at.child("name").refuse(format!(
            "is {name:?}, the engine's own container; say what it gets in engine, resources, volumeMounts and containerSecurityContext"
        ));
    } else if name == ROUTING_SIDECAR || name == STORAGE_INITIALIZER || CONTROLLER_CONTAINERS.contains(&name) {
        at.child("name").refuse(format!("is {name:?}, a container of KServe's own; give it another name"));
    }
    if container.image.as_ref().is_none_or(String::is_empty) {
        at.child("image").refuse("is missing; a container needs an image");
    }
    if let Some(policy) = &container.restart_policy {
        if initial {
            at.child("restartPolicy").check_word(policy, &["Always"]);
        } else {
            at.child("restartPolicy").refuse("is for initContainers; remove it");
        }
    }
    let beside = !initial || container.restart_policy.is_some();
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(probe) = probe {
            if beside {
                check_probe(&mut at.child(field), probe);
            } else {
                at.child(field).refuse("is for containers that go on running; remove it, or set restartPolicy: Always");
            }
        }
    }
}

fn check_contents(at: &mut At<'_>, container: &Container, claims: &[PodClaim], volumes: &BTreeSet<&str>) {
    check_env(&mut at.child("env"), container.env.as_deref().unwrap_or_default(), limits::ENGINE_ENV);
    check_ports(&mut at.child("ports"), container.ports.as_deref().unwrap_or_default());
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    check_mounts(&mut at.child("volumeMounts"), mounts, Some(volumes));
    for (index, mount) in mounts.iter().enumerate() {
        // The weights come after the containers that start first, by a volume that KServe mounts itself.
        if mount.mount_path.trim_end_matches('/') == MODEL_PATH {
            at.child("volumeMounts")
                .index(index)
                .child("mountPath")
                .refuse(format!("is {MODEL_PATH}, where KServe mounts the weights; choose another"));
        }
    }
    if let Some(resources) = &container.resources {
        let mut at = at.child("resources");
        let (requests, limits) = (resources.requests.as_ref(), resources.limits.as_ref());
        check_amounts(&mut at.child("requests"), requests, limits);
        check_amounts(&mut at.child("limits"), limits, None);
        for (index, claim) in resources.claims.iter().flatten().enumerate() {
            if !claims.iter().any(|one| one.name == claim.name && one.per == ClaimPer::Pod) {
                at.child("claims")
                    .index(index)
                    .child("name")
                    .refuse(format!("is {:?}, which is none of the resourceClaims with per: Pod beside it; add it to them", claim.name));
            }
        }
    }
    if let Some(context) = &container.security_context {
        at.child("securityContext").check_container_security(context);
    }
    if let Some(policy) = &container.image_pull_policy {
        at.child("imagePullPolicy").check_word(policy, &["Always", "IfNotPresent", "Never"]);
    }
    at.check_template(container);
}

/// What a container asks for, and the most of it where that must not be less.
fn check_amounts(at: &mut At<'_>, amounts: Option<&BTreeMap<String, K8sQuantity>>, most: Option<&BTreeMap<String, K8sQuantity>>) {
    for (name, K8sQuantity(text)) in amounts.into_iter().flatten() {
        let mut at = at.key(name);
        if Vendor::of(name).is_some() {
            at.refuse("is a GPU, which would be taken from the pool without being counted; only the engine has GPUs");
        }
        match text.parse::<Quantity>() {
            Err(problem) => at.refuse(problem.to_string()),
            Ok(amount) => {
                let limit = most.and_then(|most| most.get(name)).and_then(|K8sQuantity(limit)| limit.parse::<Quantity>().ok());
                if limit.is_some_and(|limit| limit < amount) {
                    at.refuse("is more than the limit; lower it");
                }
            }
        }
    }
}

fn check_ports(at: &mut At<'_>, ports: &[ContainerPort]) {
    for (index, port) in ports.iter().enumerate() {
        let mut at = at.index(index);
        let number = port.container_port;
        if !(1..=65535).contains(&number) {
            at.child("containerPort").refuse(format!("is {number}; set it to 1 to 65535"));
        }
        if [ENGINE_PORT, DECODE_PORT].contains(&number.to_string().as_str()) {
            at.child("containerPort").refuse(format!("is {number}, a port of the engine's or of its routing sidecar's; choose another"));
        }
    }
}

fn check_probe(at: &mut At<'_>, probe: &Probe) {
    let ways = [probe.exec.is_some(), probe.grpc.is_some(), probe.http_get.is_some(), probe.tcp_socket.is_some()];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        at.refuse("must have one of exec, grpc, httpGet and tcpSocket");
    }
}
