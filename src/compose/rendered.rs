//! A placement of the plan with everything that follows from it: what is composed for it, whether it serves, and what is reported of it.

use std::collections::BTreeMap;

use super::readiness::{PhaseReadiness, Readiness, readiness};
use super::{composition::Composed, frozen::freeze, inputs::Inputs, observed::ObservedResource, placement::render_placement};
use crate::api::model_deployment_status::{PhaseItem, PlacementItem};
use crate::api::{input::RdmaPolicy, model_deployment::Topology, placement_record::PhaseRecord, selector::LabelSelector};
use crate::domain::key::{Key, Part};
use crate::domain::names::{RDMA_LABEL, RDMA_LABEL_VALUE};
use crate::domain::scheduling::placement::{Action, Existing, Placement};
use crate::domain::scheduling::{search::usable, sizing::PhaseSizing};
use crate::domain::spec::environment::{Access, Environment};
use crate::domain::spec::model::Model;

/// A placement of the plan with everything that follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered<'a> {
    /// The placement.
    pub placement: &'a Placement,
    /// What exists of it.
    pub existing: Option<&'a Existing>,
    /// What is composed for it.
    pub resources: Vec<(Key, Composed)>,
    /// Whether it serves.
    pub readiness: Readiness,
    /// What is reported of it.
    pub item: PlacementItem,
}

impl Rendered<'_> {
    /// Whether its serving object is composed: one that is planned and not composed would be deleted.
    pub fn serves(&self) -> bool {
        self.resources.iter().any(|(key, _)| key.part == Part::Serving(self.placement.place.topology))
    }
}

/// Renders a placement, or leaves it as it is observed.
pub fn render<'a>(inputs: &'a Inputs, model: &Model, placement: &'a Placement) -> Rendered<'a> {
    let existing = inputs.existing(placement);
    let topology = placement.place.topology;
    let observed = inputs.observed.serving(&placement.slot, topology);
    let readiness = readiness(observed.map(|(_, resource)| resource), topology);
    let resources = match &placement.action {
        Action::Render(sizing) => render_placement(inputs, model, placement, existing, sizing),
        Action::Freeze(..) => freeze(inputs, placement),
    };
    let item = render_item(inputs, model, placement, (existing, observed), &readiness);
    Rendered { placement, existing, resources, readiness, item }
}

fn render_item(
    inputs: &Inputs,
    model: &Model,
    placement: &Placement,
    (existing, observed): (Option<&Existing>, Option<(&Key, &ObservedResource)>),
    readiness: &Readiness,
) -> PlacementItem {
    let settled = existing.and_then(|existing| existing.record.as_ref()).is_some_and(|record| record.settled);
    let topology = placement.place.topology;
    let environment = usable(&inputs.environments, &placement.place.environment);
    let held = environment.is_none_or(|environment| environment.access != Access::Local);
    let key = observed.map_or_else(|| Key::new(&placement.slot, Part::Serving(topology), held), |(key, _)| key.clone());
    let (cluster, decode, prefill) = match &placement.action {
        Action::Render(sizing) => (
            environment.and_then(Environment::kubeconfig).cloned(),
            Some(sizing.decode.record()),
            sizing.prefill.as_ref().map(PhaseSizing::record),
        ),
        Action::Freeze(_, Some(record)) => (record.cluster.clone(), Some(record.decode.clone()), record.prefill.clone()),
        Action::Freeze(_, None) => (None, None, None),
    };
    let (reason, message) = explain(placement, readiness).unzip();
    PlacementItem {
        environment: placement.place.environment.clone(),
        resource: Some(key.to_string()),
        uid: observed.and_then(|(_, resource)| resource.uid.clone()),
        cluster,
        topology,
        profile: placement.profile.clone(),
        environment_selector: effective_selector(inputs, model, placement),
        ready: readiness.ready,
        settled: settled || readiness.ready,
        reason: reason.map(str::to_owned),
        message,
        endpoint: readiness.endpoint.clone(),
        decode: decode.map(|record| phase_item(record, readiness.decode)),
        prefill: prefill.map(|record| phase_item(record, readiness.prefill)),
    }
}

/// Why a placement is frozen, else why it is not ready.
fn explain(placement: &Placement, readiness: &Readiness) -> Option<(&'static str, String)> {
    match (&placement.action, &readiness.why_not) {
        (Action::Freeze(freeze, _), _) => Some((freeze.word(), freeze.to_string())),
        (Action::Render(_), Some((reason, message))) => Some((reason.as_str(), message.clone())),
        (Action::Render(_), None) => None,
    }
}

/// The deployment's selector, the profile's and the RDMA pin together.
fn effective_selector(inputs: &Inputs, model: &Model, placement: &Placement) -> Option<LabelSelector> {
    let topology = placement.place.topology;
    let profile = model.profile(&placement.profile, topology)?;
    let mut labels: BTreeMap<String, String> = inputs.deployment.selector.match_labels.clone();
    labels.extend(profile.selector.match_labels.clone());
    if topology == Topology::PrefillDecode && inputs.settings.rdma == RdmaPolicy::Pin {
        labels.insert(RDMA_LABEL.to_owned(), RDMA_LABEL_VALUE.to_owned());
    }
    (!labels.is_empty()).then_some(LabelSelector { match_labels: labels })
}

fn phase_item(record: PhaseRecord, phase: PhaseReadiness) -> PhaseItem {
    let PhaseRecord { pool, gpus_per_replica, replicas, max_replicas } = record;
    PhaseItem { pool, gpus_per_replica, replicas, max_replicas, ready_replicas: phase.replicas, ready: phase.ready }
}
