//! The pod of one phase. KServe merges it over its preset: lists of containers, variables and volumes by name, arguments
//! and capabilities as a whole, everything else field by field.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector, PodSpec, Probe, ResourceClaim, ResourceRequirements, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as K8sQuantity;

use super::argv::quote;
use super::pod_overlay::{gpu_claim, joined, lay, of_rdma, render_claims};
use super::security_context::{engine_security, pod_security};
use crate::api::inference_environment::Rdma;
use crate::api::pod_overlay::{DnsPolicy, PodOverlay};
use crate::api::quantity::Quantity;
use crate::domain::fabric::{SIDE_CHANNEL_HOST_ENV, Setting};
use crate::domain::kserve::{ENGINE_CONTAINER, SHARED_MEMORY_VOLUME, STARTUP_PERIOD_SECONDS};
use crate::domain::scheduling::sizing::PhaseSizing;
use crate::domain::spec::environment::{GpuRequest, Pool};
use crate::domain::spec::model::PhaseProfile;

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
    /// What that sets in the engine's container.
    pub settings: &'a [Setting],
    /// What the environment gives every pod.
    pub overlay: Option<&'a PodOverlay>,
    /// The ServiceAccount that lets it at the weights.
    pub service_account: Option<&'a str>,
}

/// A pod, and what its template's metadata has.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedPod {
    /// Labels. They end up in an immutable selector.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The pod.
    pub spec: PodSpec,
}

/// The pod.
pub fn render_pod(pod: EnginePod<'_>) -> RenderedPod {
    let rdma = pod.rdma.filter(|_| pod.disaggregated);
    let gpus = pod.sizing.gpus_per_replica;
    let layers = [pod.overlay.cloned(), rdma.map(|rdma| of_rdma(rdma, gpus)), pod.profile.engine.pod.clone()];
    let mut overlay = layers.into_iter().flatten().reduce(|below, over| lay(below, &over)).unwrap_or_default();
    // The pool is where its GPUs were counted, and what RDMA asks for stays with it.
    overlay.node_selector.extend(pod.pool.node_selector.clone());
    overlay.node_selector.extend(rdma.map(|rdma| rdma.node_selector.clone()).unwrap_or_default());
    overlay.tolerations = joined(pod.pool.tolerations.clone(), overlay.tolerations, |a, b| a == b);
    let mut claims = overlay.resource_claims.clone();
    if let GpuRequest::Claimed(template) = &pod.pool.request {
        claims.insert(0, gpu_claim(template));
    }
    let (claims, references) = render_claims(&claims, gpus);
    let engine = render_engine(pod, rdma, &overlay, references);
    let security_context = pod_security(&overlay);
    RenderedPod {
        labels: overlay.labels,
        annotations: overlay.annotations,
        spec: PodSpec {
            containers: std::iter::once(engine).chain(overlay.containers).collect(),
            init_containers: some(overlay.init_containers),
            volumes: Some(std::iter::once(shared_memory(pod.profile)).chain(overlay.volumes).collect()),
            node_selector: Some(overlay.node_selector).filter(|selector| !selector.is_empty()),
            tolerations: some(overlay.tolerations),
            service_account_name: pod.service_account.map(str::to_owned),
            image_pull_secrets: some(overlay.image_pull_secrets),
            resource_claims: some(claims),
            security_context,
            affinity: overlay.affinity,
            topology_spread_constraints: some(overlay.topology_spread_constraints),
            priority_class_name: overlay.priority_class_name,
            scheduler_name: overlay.scheduler_name,
            runtime_class_name: overlay.runtime_class_name,
            host_network: overlay.host_network,
            host_ipc: overlay.host_ipc,
            dns_policy: overlay
                .dns_policy
                // Without it a pod on its node's network finds no Service.
                .or_else(|| (overlay.host_network == Some(true)).then_some(DnsPolicy::ClusterFirstWithHostNet))
                .map(|policy| policy.as_str().to_owned()),
            termination_grace_period_seconds: overlay.termination_grace_period_seconds.map(i64::from),
            ..PodSpec::default()
        },
    }
}

/// A list, where there is anything in it.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn render_engine(pod: EnginePod<'_>, rdma: Option<&Rdma>, overlay: &PodOverlay, claims: Vec<ResourceClaim>) -> Container {
    let engine = &pod.profile.engine;
    let resources = render_resources(pod, overlay);
    let startup_seconds = engine.startup_timeout_seconds.unwrap_or(STARTUP_SECONDS);
    let settings = if rdma.is_some() { pod.settings } else { &[] };
    Container {
        name: ENGINE_CONTAINER.to_owned(),
        image: Some(engine.image.clone()),
        args: some(engine.args.iter().map(|arg| quote(arg)).collect()),
        env: some(render_env(pod, rdma, settings)),
        resources: Some(ResourceRequirements {
            requests: Some(with_disk(&resources, pod.profile)),
            limits: Some(resources),
            claims: some(claims),
        }),
        startup_probe: Some(Probe {
            failure_threshold: i32::try_from(startup_seconds.div_ceil(STARTUP_PERIOD_SECONDS)).ok(),
            period_seconds: i32::try_from(STARTUP_PERIOD_SECONDS).ok(),
            ..Probe::default()
        }),
        security_context: engine_security(overlay, settings),
        volume_mounts: some(overlay.volume_mounts.clone()),
        ..Container::default()
    }
}

/// What the overlay asks for, and CPU, memory and GPUs over that.
fn render_resources(pod: EnginePod<'_>, overlay: &PodOverlay) -> BTreeMap<String, K8sQuantity> {
    let quantity = |quantity: &Quantity| K8sQuantity(quantity.to_string());
    let mut resources: BTreeMap<String, K8sQuantity> =
        overlay.resources.iter().map(|(name, amount)| (name.clone(), quantity(amount))).collect();
    resources.insert("cpu".to_owned(), quantity(&pod.profile.cpu));
    resources.insert("memory".to_owned(), quantity(&pod.profile.memory));
    if let GpuRequest::Counted(name) = &pod.pool.request {
        resources.insert(name.clone(), K8sQuantity(pod.sizing.gpus_per_replica.to_string()));
    }
    resources
}

/// Disk is asked for and not limited: what a pod writes beyond the weights is no reason to kill it.
fn with_disk(resources: &BTreeMap<String, K8sQuantity>, profile: &PhaseProfile) -> BTreeMap<String, K8sQuantity> {
    let disk = profile.ephemeral_storage.iter().map(|disk| ("ephemeral-storage".to_owned(), K8sQuantity(disk.to_string())));
    resources.clone().into_iter().chain(disk).collect()
}

/// The user's variables over the environment's over ours.
fn render_env(pod: EnginePod<'_>, rdma: Option<&Rdma>, settings: &[Setting]) -> Vec<EnvVar> {
    let mut ours = Vec::new();
    if pod.disaggregated {
        // NIXL tells the other phase where it listens, and would say localhost.
        let field = ObjectFieldSelector { field_path: "status.podIP".to_owned(), ..ObjectFieldSelector::default() };
        ours.push(EnvVar {
            name: SIDE_CHANNEL_HOST_ENV.to_owned(),
            value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
            ..EnvVar::default()
        });
    }
    ours.extend(settings.iter().filter_map(|setting| match setting {
        Setting::Variable(name, value) => Some(literal(name, value)),
        Setting::Capability(_) => None,
    }));
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

fn shared_memory(profile: &PhaseProfile) -> Volume {
    let size = profile.shared_memory.clone().unwrap_or_else(|| Quantity::gibibytes(SHARED_MEMORY_GIB).min(profile.memory.clone()));
    let empty_dir = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: Some(K8sQuantity(size.to_string())),
        ..EmptyDirVolumeSource::default()
    };
    Volume { name: SHARED_MEMORY_VOLUME.to_owned(), empty_dir: Some(empty_dir), ..Volume::default() }
}
