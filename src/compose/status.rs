//! The status of a ModelDeployment.

use std::collections::BTreeMap;

use crate::api::input::RdmaPolicy;
use crate::api::model_deployment::Topology;
use crate::api::model_deployment_status::{
    ModelDeploymentStatus, ModelName, PhaseItem, PlacementItem, Placements, RejectedEnvironment, Scheduling,
};
use crate::api::placement_record::PhaseRecord;
use crate::api::selector::LabelSelector;
use crate::compose::model_deployment::Inputs;
use crate::compose::readiness::{Readiness, readiness};
use crate::domain::model::Model;
use crate::domain::names::{RDMA_LABEL, RDMA_LABEL_VALUE};
use crate::domain::placement::{Action, Placement};
use crate::domain::schedule::{Decision, Plan};
use crate::domain::sizing::PhaseSizing;

/// The status.
#[must_use]
pub fn render_status(inputs: &Inputs, model: &Model, plan: &Plan) -> ModelDeploymentStatus {
    let items: Vec<PlacementItem> = plan.placements.iter().map(|placement| render_item(inputs, model, placement)).collect();
    let ready = count(items.iter().filter(|item| item.ready).count());
    let total = count(items.len());
    ModelDeploymentStatus {
        model: Some(ModelName { name: model.name.clone() }),
        endpoint: None,
        placements: Placements { total, ready, summary: format!("{ready}/{total}"), items },
        scheduling: match &plan.decision {
            Some(decision) => Some(render_scheduling(inputs, decision)),
            None => inputs.status.scheduling.clone(),
        },
        conditions: Vec::new(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn render_scheduling(inputs: &Inputs, decision: &Decision) -> Scheduling {
    let most = usize::try_from(inputs.settings.max_rejections).unwrap_or(usize::MAX);
    let rejected = decision.rejections.iter().take(most).map(|rejection| RejectedEnvironment {
        environment: rejection.environment.clone(),
        reason: rejection.reason.code().to_owned(),
        message: rejection.reason.to_string(),
    });
    Scheduling {
        considered: count(decision.considered),
        matched: count(decision.matched),
        rejected_total: count(decision.rejections.len()),
        rejected: rejected.collect(),
    }
}

fn render_item(inputs: &Inputs, model: &Model, placement: &Placement) -> PlacementItem {
    let observed = inputs.observed.serving(&placement.environment, placement.topology).map(|(_, resource)| resource);
    let readiness = readiness(observed, placement.topology);
    let known = inputs.existing(&placement.environment, placement.topology);
    let settled = known.and_then(|existing| existing.record.as_ref()).is_some_and(|record| record.settled);
    let (decode, prefill) = match &placement.action {
        Action::Render(sizing) => (
            Some(sized_item(&sizing.decode, readiness.decode)),
            sizing.prefill.as_ref().map(|sizing| sized_item(sizing, readiness.prefill)),
        ),
        Action::Freeze(_, record) => (
            record.as_ref().map(|record| recorded_item(&record.decode, readiness.decode)),
            record.as_ref().and_then(|record| record.prefill.as_ref()).map(|phase| recorded_item(phase, readiness.prefill)),
        ),
    };
    let (reason, message) = explain(placement, &readiness);
    PlacementItem {
        environment: placement.environment.clone(),
        topology: placement.topology,
        profile: placement.profile.clone(),
        environment_selector: effective_selector(inputs, model, placement),
        ready: readiness.ready,
        settled: settled || readiness.ready,
        reason,
        message,
        endpoint: readiness.endpoint,
        decode,
        prefill,
    }
}

/// Why a placement is frozen, else why it is not ready.
fn explain(placement: &Placement, readiness: &Readiness) -> (Option<String>, Option<String>) {
    match (&placement.action, &readiness.why_not) {
        (Action::Freeze(freeze, _), _) => (Some(freeze.code().to_owned()), Some(freeze.to_string())),
        (Action::Render(_), Some((reason, message))) => (Some(reason.clone()), Some(message.clone())),
        (Action::Render(_), None) => (None, None),
    }
}

/// The deployment's selector, the profile's and the RDMA pin together.
fn effective_selector(inputs: &Inputs, model: &Model, placement: &Placement) -> Option<LabelSelector> {
    let profile = model.profiles.iter().find(|profile| profile.name == placement.profile && profile.topology == placement.topology)?;
    let mut labels: BTreeMap<String, String> = inputs.deployment.selector.match_labels.clone();
    labels.extend(profile.selector.match_labels.clone());
    if placement.topology == Topology::PrefillDecode && inputs.settings.rdma == RdmaPolicy::Pin {
        labels.insert(RDMA_LABEL.to_owned(), RDMA_LABEL_VALUE.to_owned());
    }
    (!labels.is_empty()).then_some(LabelSelector { match_labels: labels })
}

fn sized_item(sizing: &PhaseSizing, ready: bool) -> PhaseItem {
    PhaseItem {
        pool: sizing.pool.clone(),
        gpus_per_replica: sizing.gpus_per_replica,
        replicas: sizing.scaling.admitted_replicas(),
        max_replicas: None,
        ready,
    }
}

fn recorded_item(record: &PhaseRecord, ready: bool) -> PhaseItem {
    PhaseItem { pool: record.pool.clone(), gpus_per_replica: record.gpus_per_replica, replicas: record.replicas, max_replicas: None, ready }
}
