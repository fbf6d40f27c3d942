//! The composition of a ModelDeployment: what its placements are made of, and what is said of them.

use std::collections::BTreeMap;

use super::composition::{Composed, CompositeStatus, Composition, Desired, Tally};
use super::deployment_conditions::{Service, conditions, service};
use super::inputs::{Inputs, situation};
use super::refusal::{decidable, lost_placement, refuse};
use super::rendered::{Rendered, render};
use super::{deployment_events::deployment_events, status::render_status};
use crate::domain::key::Key;
use crate::domain::scheduling::placement::Action;
use crate::domain::scheduling::schedule::{Plan, schedule};

/// The composition of a ModelDeployment. `plan` is what was planned for the same inputs, where that was done already.
pub fn compose(inputs: &Inputs, plan: Option<Plan>) -> Composition {
    let model = match decidable(inputs) {
        Ok(model) => model,
        Err(refused) => return *refused,
    };
    let plan = plan.unwrap_or_else(|| schedule(situation(inputs, model)));
    let rendered: Vec<Rendered<'_>> = plan.placements.iter().map(|placement| render(inputs, model, placement)).collect();
    if let Some(lost) = rendered.iter().find(|rendered| !rendered.serves()) {
        return refuse(inputs, &lost_placement(lost.placement));
    }
    let status = render_status(inputs, model, &plan, &rendered);
    let (service, number) = service(inputs, &rendered, |rendered| rendered.readiness.ready);
    let conditions = conditions(inputs, model, &plan, &rendered, status.scheduling.as_ref(), (service, number));
    let events = deployment_events(inputs, model, &plan, &rendered, (&status, &conditions));
    let tally = tally(inputs, &plan);
    Composition::Composed(Desired {
        unready: service == Service::Incomplete,
        field: "",
        resources: resources(rendered, service),
        status: Some(CompositeStatus::ModelDeployment(Box::new(status))),
        conditions,
        events,
        tally,
    })
}

fn resources(rendered: Vec<Rendered<'_>>, service: Service) -> BTreeMap<String, Composed> {
    let is_frozen = |rendered: &Rendered<'_>| matches!(rendered.placement.action, Action::Freeze(..));
    // What is frozen goes first: where both have a resource, the one that is rendered counts.
    let (frozen, rendered): (Vec<Rendered<'_>>, Vec<Rendered<'_>>) = rendered.into_iter().partition(is_frozen);
    let resources: BTreeMap<Key, Composed> = frozen.into_iter().chain(rendered).flat_map(|rendered| rendered.resources).collect();
    // What is being replaced serves: what replaces it does not hold the deployment's readiness up.
    let replaced = matches!(service, Service::Replacing | Service::ReplacementWaits);
    let told = |composed: Composed| Composed { ready: composed.ready || replaced, ..composed };
    resources.into_iter().map(|(key, composed)| (key.to_string(), told(composed))).collect()
}

fn tally(inputs: &Inputs, plan: &Plan) -> Tally {
    let mut rejected: BTreeMap<&'static str, u32> = BTreeMap::new();
    for rejection in plan.decision.iter().flat_map(|decision| &decision.rejections) {
        let number = rejected.entry(rejection.reason.word()).or_default();
        *number = number.saturating_add(1);
    }
    Tally { wanted: inputs.deployment.environments, placed: plan.placements.len(), rejected }
}
