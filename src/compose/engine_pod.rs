//! The pod of one phase. KServe merges it over its preset: lists of containers, variables and volumes by name, arguments
//! and capabilities as a whole, everything else field by field.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector, PodSpec, Probe, ResourceRequirements,
    SecurityContext, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as K8sQuantity;

use super::argv::quote;
use crate::api::inference_environment::{Rdma, RdmaKind};
use crate::api::quantity::Quantity;
use crate::domain::fabric::{TRANSPORTS_ENV, transports};
use crate::domain::kserve::{ENGINE_CONTAINER, SHARED_MEMORY_VOLUME, STARTUP_PERIOD_SECONDS};
use crate::domain::scheduling::sizing::PhaseSizing;
use crate::domain::spec::{environment::Pool, model::PhaseProfile};

/// The size llm-d gives `/dev/shm`; KServe's own 1Gi is too little for tensor parallelism and KV transfer.
const SHARED_MEMORY_GIB: u32 = 20;
/// How long an engine may load where a profile says nothing; KServe's own 10 minutes are too short for large models.
const STARTUP_SECONDS: u32 = 3600;

/// What one phase's pod is made of.
#[derive(Debug, Clone, Copy)]
pub struct EnginePod<'a> {
    /// The phase's profile.
    pub profile: &'a PhaseProfile,
    /// The phase's sizing.
    pub sizing: &'a PhaseSizing,
    /// The pool it runs on.
    pub pool: &'a Pool,
    /// Whether the KV cache travels between phases.
    pub disaggregated: bool,
    /// What the environment gives a pod for that.
    pub rdma: Option<&'a Rdma>,
    /// The ServiceAccount that lets it at the weights.
    pub service_account: Option<&'a str>,
}

/// The pod.
pub fn render_pod(pod: EnginePod<'_>) -> PodSpec {
    let rdma = pod.rdma.filter(|_| pod.disaggregated);
    let mut node_selector = pod.pool.node_selector.clone();
    node_selector.extend(rdma.map(|rdma| rdma.node_selector.clone()).unwrap_or_default());
    PodSpec {
        containers: vec![render_engine(pod, rdma)],
        volumes: Some(render_volumes(pod.profile, rdma)),
        node_selector: Some(node_selector).filter(|selector| !selector.is_empty()),
        tolerations: Some(pod.pool.tolerations.clone()).filter(|tolerations| !tolerations.is_empty()),
        service_account_name: pod.service_account.map(str::to_owned),
        ..PodSpec::default()
    }
}

/// Annotations of the pod.
pub fn render_annotations(pod: EnginePod<'_>) -> BTreeMap<String, String> {
    pod.rdma.filter(|_| pod.disaggregated).map(|rdma| rdma.annotations.clone()).unwrap_or_default()
}

fn render_engine(pod: EnginePod<'_>, rdma: Option<&Rdma>) -> Container {
    let engine = &pod.profile.engine;
    let resources = render_resources(pod, rdma);
    let startup_seconds = engine.startup_timeout_seconds.unwrap_or(STARTUP_SECONDS);
    Container {
        name: ENGINE_CONTAINER.to_owned(),
        image: Some(engine.image.clone()),
        args: Some(engine.args.iter().map(|arg| quote(arg)).collect()).filter(|args: &Vec<String>| !args.is_empty()),
        env: Some(render_env(pod, rdma)).filter(|env| !env.is_empty()),
        resources: Some(ResourceRequirements {
            requests: Some(with_disk(&resources, pod.profile)),
            limits: Some(resources),
            ..ResourceRequirements::default()
        }),
        startup_probe: Some(Probe {
            failure_threshold: i32::try_from(startup_seconds.div_ceil(STARTUP_PERIOD_SECONDS)).ok(),
            period_seconds: i32::try_from(STARTUP_PERIOD_SECONDS).ok(),
            ..Probe::default()
        }),
        // Official engine images run as root and write beside their code; the presets forbid both.
        security_context: Some(SecurityContext {
            run_as_non_root: Some(false),
            run_as_user: Some(0),
            read_only_root_filesystem: Some(false),
            // The presets drop every capability, and pinning memory for RDMA needs this one.
            capabilities: rdma.map(|_| Capabilities { add: Some(vec!["IPC_LOCK".to_owned()]), ..Capabilities::default() }),
            ..SecurityContext::default()
        }),
        volume_mounts: rdma.map(|rdma| rdma.volume_mounts.clone()).filter(|mounts| !mounts.is_empty()),
        ..Container::default()
    }
}

fn render_resources(pod: EnginePod<'_>, rdma: Option<&Rdma>) -> BTreeMap<String, K8sQuantity> {
    let gpus = pod.sizing.gpus_per_replica;
    let mut devices: BTreeMap<&String, u64> = BTreeMap::new();
    if let Some(rdma) = rdma {
        let per_pod = rdma.resources.iter().map(|(name, count)| (name, u64::from(*count)));
        let per_gpu = rdma.resources_per_gpu.iter().map(|(name, count)| (name, u64::from(*count).saturating_mul(u64::from(gpus))));
        for (name, count) in per_pod.chain(per_gpu) {
            let sum = devices.entry(name).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    let mut resources: BTreeMap<String, K8sQuantity> =
        devices.into_iter().map(|(name, count)| (name.clone(), K8sQuantity(count.to_string()))).collect();
    resources.insert("cpu".to_owned(), K8sQuantity(pod.profile.cpu.to_string()));
    resources.insert("memory".to_owned(), K8sQuantity(pod.profile.memory.to_string()));
    resources.insert(pod.pool.resource_name.clone(), K8sQuantity(gpus.to_string()));
    resources
}

/// Disk is asked for and not limited: what a pod writes beyond the weights is no reason to kill it.
fn with_disk(resources: &BTreeMap<String, K8sQuantity>, profile: &PhaseProfile) -> BTreeMap<String, K8sQuantity> {
    let disk = profile.ephemeral_storage.iter().map(|disk| ("ephemeral-storage".to_owned(), K8sQuantity(disk.to_string())));
    resources.clone().into_iter().chain(disk).collect()
}

/// The user's variables over the environment's over ours.
fn render_env(pod: EnginePod<'_>, rdma: Option<&Rdma>) -> Vec<EnvVar> {
    let mut ours = Vec::new();
    if pod.disaggregated {
        // NIXL tells the other phase where it listens, and would say localhost.
        let field = ObjectFieldSelector { field_path: "status.podIP".to_owned(), ..ObjectFieldSelector::default() };
        ours.push(EnvVar {
            name: "VLLM_NIXL_SIDE_CHANNEL_HOST".to_owned(),
            value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
            ..EnvVar::default()
        });
    }
    ours.extend(rdma.and_then(|rdma| transports(rdma.kind)).map(|transports| literal(TRANSPORTS_ENV, transports)));
    if rdma.is_some_and(|rdma| rdma.kind == RdmaKind::RoCE) {
        ours.push(literal("KSERVE_INFER_ROCE", "true"));
    }
    let environment = rdma.map(|rdma| rdma.env.as_slice()).unwrap_or_default();
    let mut merged: Vec<EnvVar> = Vec::new();
    for variable in ours.iter().chain(environment).chain(&pod.profile.engine.env) {
        merged.retain(|earlier| earlier.name != variable.name);
        merged.push(variable.clone());
    }
    merged
}

fn literal(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..EnvVar::default() }
}

fn render_volumes(profile: &PhaseProfile, rdma: Option<&Rdma>) -> Vec<Volume> {
    let size = profile.shared_memory.clone().unwrap_or_else(|| Quantity::gibibytes(SHARED_MEMORY_GIB).min(profile.memory.clone()));
    let empty_dir = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: Some(K8sQuantity(size.to_string())),
        ..EmptyDirVolumeSource::default()
    };
    let shared_memory = Volume { name: SHARED_MEMORY_VOLUME.to_owned(), empty_dir: Some(empty_dir), ..Volume::default() };
    std::iter::once(shared_memory).chain(rdma.iter().flat_map(|rdma| rdma.volumes.clone())).collect()
}
