//! How many GPUs a pod needs on a pool: decided once, carried in the placement, rendered.

use super::ledger::Charge;
use crate::api::phase::Phase;
use crate::api::placement_record::{PhaseRecord, PlacementRecord};
use crate::domain::names::label_value;
use crate::domain::spec::deployment::{Deployment, PhaseScaling};
use crate::domain::spec::environment::Pool;
use crate::domain::spec::model::{GpuDemand, PhaseProfile, Profile};

/// One phase of a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseSizing {
    /// The pool's id.
    pub pool: String,
    /// The value of the accelerator label. It is for life: it sits in an immutable selector.
    pub accelerator: String,
    /// GPUs of one replica.
    pub gpus_per_replica: u32,
    /// How the phase scales.
    pub scaling: PhaseScaling,
}

impl PhaseSizing {
    /// What is remembered of it.
    pub fn record(&self) -> PhaseRecord {
        PhaseRecord {
            pool: self.pool.clone(),
            gpus_per_replica: self.gpus_per_replica,
            replicas: self.scaling.admitted_replicas(),
            max_replicas: self.scaling.max_replicas(),
        }
    }

    /// What must fit for the phase to be admitted.
    pub fn charge(&self) -> Charge {
        Charge::from(&self.record())
    }
}

/// The phases of a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizing {
    /// The decode phase, or the one phase of Unified.
    pub decode: PhaseSizing,
    /// The prefill phase.
    pub prefill: Option<PhaseSizing>,
}

impl Sizing {
    /// Decode, or the one phase of Unified, then prefill.
    pub fn phases(&self) -> impl Iterator<Item = &PhaseSizing> {
        std::iter::once(&self.decode).chain(&self.prefill)
    }

    /// Whether it is what is remembered of it.
    pub fn fits(&self, record: &PlacementRecord) -> bool {
        self.decode.record() == record.decode && self.prefill.as_ref().map(PhaseSizing::record) == record.prefill
    }

    /// Whether its phases, decode first, are on these pools.
    pub fn is_on(&self, pools: &[String]) -> bool {
        self.phases().map(|phase| &phase.pool).eq(pools)
    }

    /// What must fit for the placement to be admitted.
    pub fn charges(&self) -> Vec<Charge> {
        self.phases().map(PhaseSizing::charge).collect()
    }

    /// What must fit for every phase to reach its most replicas.
    pub fn most(&self) -> Vec<Charge> {
        let most =
            |phase: &PhaseSizing| Charge { replicas: phase.scaling.max_replicas().unwrap_or(phase.charge().replicas), ..phase.charge() };
        self.phases().map(most).collect()
    }

    /// GPUs of both phases.
    pub fn gpus(&self) -> u64 {
        self.charges().iter().fold(0, |sum, charge| sum.saturating_add(charge.gpus()))
    }
}

/// The phases of a profile as a deployment scales them: decode, then prefill.
pub fn phases<'a>(profile: &'a Profile, deployment: &'a Deployment) -> (PhaseDemand<'a>, Option<PhaseDemand<'a>>) {
    let decode = PhaseDemand { phase: Phase::main(profile.topology), profile: &profile.decode, scaling: &deployment.decode };
    let prefill = profile.prefill.as_ref().zip(deployment.prefill.as_ref());
    (decode, prefill.map(|(profile, scaling)| PhaseDemand { phase: Phase::Prefill, profile, scaling }))
}

/// What one phase needs, before a pool is chosen.
#[derive(Debug, Clone, Copy)]
pub struct PhaseDemand<'a> {
    /// Which one.
    pub phase: Phase,
    /// The phase's profile.
    pub profile: &'a PhaseProfile,
    /// How it scales.
    pub scaling: &'a PhaseScaling,
}

impl PhaseDemand<'_> {
    /// GPUs of a pod on a pool; `None` where no number of GPUs would do.
    pub fn gpus_on(&self, pool: &Pool) -> Option<u32> {
        match &self.profile.gpus {
            GpuDemand::Count(gpus) => Some(*gpus),
            GpuDemand::Memory(vram) => vram.div_ceil(&pool.memory).and_then(|gpus| u32::try_from(gpus.max(1)).ok()),
        }
    }

    /// Whether the profile leaves the pool open or means this one, and asks for no other nodes than it has.
    pub fn accepts(&self, pool: &Pool) -> bool {
        self.means(pool) && self.excluded_by(pool).is_none()
    }

    /// Whether the profile leaves the pool open or means this one.
    pub fn means(&self, pool: &Pool) -> bool {
        self.profile.accelerator.as_deref().is_none_or(|accelerator| pool.is_called(accelerator))
    }

    /// The label that the profile's pods ask of nodes and that those of the pool have otherwise.
    pub fn excluded_by(&self, pool: &Pool) -> Option<(&str, &str)> {
        let asked = self.profile.engine.pod.iter().flat_map(|overlay| &overlay.node_selector);
        let mut others = asked.filter(|(key, value)| pool.node_selector.get(*key).is_some_and(|had| had != *value));
        others.next().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The phase on a pool.
    pub fn size_on(&self, pool: &Pool) -> Option<PhaseSizing> {
        Some(PhaseSizing {
            pool: pool.id.clone(),
            accelerator: label_value(&pool.accelerator_type),
            gpus_per_replica: self.gpus_on(pool)?,
            scaling: self.scaling.clone(),
        })
    }
}
