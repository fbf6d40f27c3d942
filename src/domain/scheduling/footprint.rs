//! What a serving object takes of its cluster, read off the object itself: a record can be lost or wrong, the pods run all the same.

use super::ledger::Charge;
use crate::api::llm_inference_service::{RequestedClaim, RequestedContainer, RequestedPod, RequestedService, RequestedWorkload};
use crate::api::{model_deployment::Topology, placement_record::PhaseRecord};
use crate::domain::kserve::ENGINE_CONTAINER;
use crate::domain::names::{ACCELERATOR_LABEL, label_value};
use crate::domain::spec::environment::{GpuRequest, Pool};
use crate::domain::spec::pod_overlay::is_gpu_claim;

/// The phases of a serving object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// The decode phase, or the one phase of Unified.
    pub decode: PhaseRecord,
    /// The prefill phase.
    pub prefill: Option<PhaseRecord>,
}

impl Footprint {
    /// What it holds.
    pub fn charges(&self) -> Vec<Charge> {
        std::iter::once(&self.decode).chain(&self.prefill).map(Charge::from).collect()
    }
}

/// The topology of a serving object.
pub fn topology_of(service: &RequestedService) -> Topology {
    if service.prefill.is_some() { Topology::PrefillDecode } else { Topology::Unified }
}

/// What a serving object takes of an environment's pools. What was recorded of its phases says which pool is meant where several would
/// do, and how many pods there are where the object does not say. `None` where no pool has what it asks for.
pub fn footprint(service: &RequestedService, recorded: (Option<&PhaseRecord>, Option<&PhaseRecord>), pools: &[Pool]) -> Option<Footprint> {
    let prefill = match &service.prefill {
        Some(workload) => Some(phase(workload, recorded.1, pools)?),
        None => None,
    };
    Some(Footprint { decode: phase(&service.decode, recorded.0, pools)?, prefill })
}

fn phase(workload: &RequestedWorkload, recorded: Option<&PhaseRecord>, pools: &[Pool]) -> Option<PhaseRecord> {
    let engine = workload.template.containers.iter().find(|container| container.name == ENGINE_CONTAINER)?;
    let gpus = |pool: &Pool| gpus_of(&workload.template, engine, &pool.request).filter(|gpus| *gpus > 0);
    let accelerator = workload.labels.get(ACCELERATOR_LABEL);
    let fits = |pool: &&Pool| {
        gpus(pool).is_some()
            && pool.node_selector.iter().all(|(key, value)| workload.template.node_selector.get(key) == Some(value))
            && accelerator.is_none_or(|label| *label == label_value(&pool.accelerator_type))
    };
    let remembered = recorded.and_then(|phase| pools.iter().find(|pool| pool.id == phase.pool && gpus(pool).is_some()));
    // The one that is described most closely; the pools are sorted by name.
    let described = || pools.iter().filter(fits).rev().max_by_key(|pool| pool.node_selector.len());
    let pool = remembered.or_else(described)?;
    let scaling = workload.scaling.as_ref();
    let said = workload.replicas.or_else(|| scaling.map(|scaling| scaling.min_replicas));
    Some(PhaseRecord {
        pool: pool.id.clone(),
        gpus_per_replica: gpus(pool)?,
        // Where KEDA decides, one starts before anything scales it.
        replicas: said.or_else(|| recorded.map(|phase| phase.replicas)).unwrap_or(1),
        max_replicas: scaling.map(|scaling| scaling.max_replicas).or_else(|| recorded.and_then(|phase| phase.max_replicas)),
    })
}

/// GPUs of a pod: those that its engine's container counts, or the claims of it that come from the pool's template.
fn gpus_of(pod: &RequestedPod, engine: &RequestedContainer, request: &GpuRequest) -> Option<u32> {
    match request {
        GpuRequest::Counted(name) => engine.resources.limits.get(name)?.whole(),
        GpuRequest::Claimed(template) => {
            let ours = |claim: &&RequestedClaim| claim.resource_claim_template_name.as_ref() == Some(template) && is_gpu_claim(&claim.name);
            u32::try_from(pod.resource_claims.iter().filter(ours).count()).ok()
        }
    }
}
