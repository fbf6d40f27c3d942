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
use crate::compose::readiness::{PhaseReadiness, Readiness, readiness};
use crate::domain::names::{Key, RDMA_LABEL, RDMA_LABEL_VALUE};
use crate::domain::scheduling::placement::{Action, Placement};
use crate::domain::scheduling::rejection::summarize;
use crate::domain::scheduling::schedule::Plan;
use crate::domain::scheduling::search::{Decision, usable};
use crate::domain::scheduling::sizing::PhaseSizing;
use crate::domain::spec::environment::{Access, Environment};
use crate::domain::spec::model::Model;

/// A placement of the plan, and what is reported of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported<'a> {
    /// The placement.
    pub placement: &'a Placement,
    /// Whether it serves.
    pub readiness: Readiness,
    /// What is shown.
    pub item: PlacementItem,
}

/// What is reported of each placement of the plan, in its order.
#[must_use]
pub fn report<'a>(inputs: &Inputs, model: &Model, plan: &'a Plan) -> Vec<Reported<'a>> {
    let reported = |placement: &'a Placement| {
        let observed = inputs.observed.serving(&placement.slot, placement.topology);
        let readiness = readiness(observed.map(|(_, resource)| resource), placement.topology);
        let item = render_item(inputs, model, placement, &readiness);
        Reported { placement, readiness, item }
    };
    plan.placements.iter().map(reported).collect()
}

/// The status.
#[must_use]
pub fn render_status(inputs: &Inputs, model: &Model, plan: &Plan, reports: &[Reported<'_>]) -> ModelDeploymentStatus {
    let items: Vec<PlacementItem> = reports.iter().map(|report| report.item.clone()).collect();
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
        summary: summarize_decision(decision),
        rejected: rejected.collect(),
    }
}

fn summarize_decision(decision: &Decision) -> String {
    let (rejected, considered) = (decision.rejections.len(), decision.considered);
    match (considered, rejected) {
        (0, _) => "there is no InferenceEnvironment".to_owned(),
        (_, 0) => String::new(),
        _ => format!("{rejected}/{considered} environments rejected: {}", summarize(&decision.rejections)),
    }
}

fn render_item(inputs: &Inputs, model: &Model, placement: &Placement, readiness: &Readiness) -> PlacementItem {
    let known = inputs.existing(placement);
    let record = known.and_then(|existing| existing.record.as_ref());
    let settled = record.is_some_and(|record| record.settled);
    let observed = inputs.observed.serving(&placement.slot, placement.topology);
    let environment = usable(&inputs.environments, &placement.environment);
    let is_local = environment.is_some_and(|environment| environment.access == Access::Local);
    let key = observed.map_or_else(|| Key::serving(&placement.slot, placement.topology, is_local), |(key, _)| key.clone());
    let cluster = match &placement.action {
        Action::Render(_) => environment.and_then(Environment::kubeconfig).cloned(),
        Action::Freeze(_, record) => record.as_ref().and_then(|record| record.cluster.clone()),
    };
    let (decode, prefill) = match &placement.action {
        Action::Render(sizing) => (Some(sizing.decode.record()), sizing.prefill.as_ref().map(PhaseSizing::record)),
        Action::Freeze(_, record) => {
            (record.as_ref().map(|record| record.decode.clone()), record.as_ref().and_then(|record| record.prefill.clone()))
        }
    };
    let (reason, message) = explain(placement, readiness);
    PlacementItem {
        environment: placement.environment.clone(),
        resource: Some(key.to_string()),
        uid: observed.and_then(|(_, resource)| resource.uid.clone()),
        cluster,
        topology: placement.topology,
        profile: placement.profile.clone(),
        environment_selector: effective_selector(inputs, model, placement),
        ready: readiness.ready,
        settled: settled || readiness.ready,
        reason,
        message,
        endpoint: readiness.endpoint.clone(),
        decode: decode.map(|record| phase_item(record, readiness.decode)),
        prefill: prefill.map(|record| phase_item(record, readiness.prefill)),
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

fn phase_item(record: PhaseRecord, phase: PhaseReadiness) -> PhaseItem {
    let PhaseRecord { pool, gpus_per_replica, replicas, max_replicas } = record;
    PhaseItem { pool, gpus_per_replica, replicas, max_replicas, ready_replicas: phase.replicas, ready: phase.ready }
}
