//! What a rolling update of a phase needs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::model_deployment_status::{ModelDeploymentStatus, PhaseItem};
use crate::api::{API_VERSION, inference_environment};
use crate::cli::plane::{control_plane::ControlPlane, settling::Standings};
use crate::domain::kserve::rolling_update;
use crate::domain::scheduling::holdings::{Fleet, reported};
use crate::domain::scheduling::ledger::{Charge, Ledger};
use crate::function::reading::read_environment;

/// What a rolling update of a phase needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Surge {
    /// The pool it is on.
    pub(crate) pool: String,
    /// Replicas that are replaced.
    pub(crate) replicas: u32,
    /// Pods that come before any goes.
    pub(crate) extra_replicas: u32,
    /// Replicas that may be gone meanwhile.
    pub(crate) max_unavailable: u32,
    /// GPUs of those that come first.
    pub(crate) gpus: u64,
    /// GPUs of the pool that nothing holds.
    pub(crate) free: u64,
    /// Whether those that come first find nodes.
    pub(crate) fits: bool,
}

/// The environments of a control plane, and what others hold of their GPUs while pods are replaced.
pub(crate) struct Headroom(BTreeMap<String, Ledger>);

impl Headroom {
    /// What there is once a change is made: the pods that it replaces are still there, and those that it adds are, too.
    pub(crate) fn new(plane: &ControlPlane, start: &Standings, now: &Standings) -> Self {
        let held = now.iter().flat_map(|(key, standing)| {
            let status = while_rolling(start.get(key).map(|start| &start.status), &standing.status);
            reported(&standing.metadata, &status)
        });
        let held = held.flat_map(|(environment, standing)| standing.holdings(&environment).collect::<Vec<_>>());
        let fleet = Fleet::new(held);
        let keys = plane.keys_of(API_VERSION, inference_environment::KIND);
        let usable = keys.into_iter().filter_map(|key| {
            let environment = read_environment(plane.bytes(&key)).ok()?;
            Some((key.name, fleet.ledger(&environment)))
        });
        Self(usable.collect())
    }

    /// What a phase needs to roll beside all others; nothing where its environment cannot be used.
    pub(crate) fn surge(&self, environment: &str, phase: &PhaseItem) -> Option<Surge> {
        let ledger = self.0.get(environment)?;
        let replicas = running(phase);
        let (extra_replicas, max_unavailable) = rolling_update(replicas);
        let charge = Charge { pool: phase.pool.clone(), gpus_per_replica: phase.gpus_per_replica, replicas: extra_replicas };
        Some(Surge {
            pool: phase.pool.clone(),
            replicas,
            extra_replicas,
            max_unavailable,
            gpus: charge.gpus(),
            free: ledger.free(&phase.pool),
            fits: ledger.fits(&[charge]),
        })
    }
}

/// Replicas of a phase: where an autoscaler decides, there may be more than the fewest.
fn running(phase: &PhaseItem) -> u32 {
    phase.replicas.max(phase.ready_replicas.unwrap_or_default())
}

/// What a deployment holds when its pods begin to be replaced: all that run, and of phases whose pods become larger or smaller the old ones.
fn while_rolling(start: Option<&ModelDeploymentStatus>, now: &ModelDeploymentStatus) -> ModelDeploymentStatus {
    let mut status = now.clone();
    for item in &mut status.placements.items {
        let place = item.place();
        let Some(old) = start.and_then(|start| start.placements.items.iter().find(|old| old.place() == place)) else { continue };
        for (new, old) in [(&mut item.decode, &old.decode), (&mut item.prefill, &old.prefill)] {
            let resized = new.as_ref().zip(old.as_ref()).is_some_and(|(new, old)| new.gpus_per_replica != old.gpus_per_replica);
            if resized {
                new.clone_from(old);
            }
            if let Some(phase) = new {
                phase.replicas = running(phase);
            }
        }
    }
    status
}
