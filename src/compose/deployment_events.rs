//! The events of a ModelDeployment that is decided on.

use super::events::{Event, events, rejections_changed};
use super::{conditions::NewCondition, inputs::Inputs, rendered::Rendered};
use crate::api::words::{ConditionType, EventReason};
use crate::api::{input::RdmaPolicy, model_deployment::Topology, model_deployment_status::ModelDeploymentStatus};
use crate::domain::names::RDMA_LABEL;
use crate::domain::scheduling::placement::{Action, Missing};
use crate::domain::scheduling::schedule::Plan;
use crate::domain::spec::{deployment::PhaseScaling, model::Model};

/// Every event, in a fixed order. `status` and `conditions` are those that are to be reported.
pub fn deployment_events(
    inputs: &Inputs,
    model: &Model,
    plan: &Plan,
    rendered: &[Rendered<'_>],
    (status, conditions): (&ModelDeploymentStatus, &[NewCondition]),
) -> Vec<Event> {
    let mut all = events(told_before(inputs, conditions), &inputs.status.conditions);
    if let (Some(_), Some(scheduling)) = (&plan.decision, &status.scheduling) {
        let scheduled = conditions.iter().find(|condition| condition.kind == ConditionType::PlacementsScheduled);
        all.extend(scheduled.and_then(|condition| rejections_changed(condition, &scheduling.rejected, &inputs.status)));
    }
    all.extend(rendered.iter().filter_map(|rendered| unpinned(inputs, model, rendered)));
    all.extend(rendered.iter().filter_map(|rendered| beyond_capacity(plan, rendered)));
    all.extend(rendered.iter().filter_map(stuck_at_zero));
    all.extend(inputs.missing.iter().filter(|missing| missing.was_seen).map(|missing| vanished(missing, plan)));
    all.extend(rendered.iter().filter_map(|rendered| frozen(inputs, rendered)));
    all
}

/// Only the conditions that can be compared with what was said before: Crossplane writes conditions after the rest of the status,
/// and may call in between.
fn told_before<'a>(inputs: &Inputs, conditions: &'a [NewCondition]) -> impl Iterator<Item = &'a NewCondition> {
    let written = inputs.status.model.is_some();
    conditions.iter().filter(move |condition| !written || condition.before(&inputs.status.conditions).is_some())
}

fn warning(reason: EventReason, message: String) -> Event {
    Event { warning: true, reason: reason.as_str(), message }
}

/// A Warning about a placement that has become frozen, or for another reason.
fn frozen(inputs: &Inputs, rendered: &Rendered<'_>) -> Option<Event> {
    let Action::Freeze(freeze, _) = &rendered.placement.action else { return None };
    let place = &rendered.placement.place;
    let before = inputs.status.placements.items.iter().find(|item| item.place() == *place).and_then(|item| item.reason.as_deref());
    (before != Some(freeze.word())).then(|| Event { warning: true, reason: freeze.word(), message: format!("{place}: {freeze}") })
}

/// A Warning about a serving object that somebody else deleted: once, because what is made in its place is reported with another uid.
fn vanished(missing: &Missing, plan: &Plan) -> Event {
    let back = plan.placements.iter().any(|placement| placement.place == missing.place);
    let then = if back { "it is made again where it was" } else { "there is no room for it any more where it was" };
    let message = format!("{}: the serving object was deleted by somebody else; {then}", missing.place);
    warning(EventReason::PlacementVanished, message)
}

/// A Warning about a placement whose autoscaler may ask for more than there is: once, when it is new or resized.
fn beyond_capacity(plan: &Plan, rendered: &Rendered<'_>) -> Option<Event> {
    let Action::Render(sizing) = &rendered.placement.action else { return None };
    let environment = &rendered.placement.place.environment;
    let record = rendered.existing.and_then(|existing| existing.record.as_ref());
    if record.is_some_and(|record| sizing.fits(record)) {
        return None;
    }
    let short = plan.ceilings.iter().filter(|shortage| shortage.environment == *environment);
    let short: Vec<String> = short.map(|short| format!("{} GPUs of pool {}, which has {}", short.gpus, short.pool, short.total)).collect();
    let message = || format!("{environment}: maxReplicas cannot be reached beside what others hold; missing are {}", short.join(" and "));
    (!short.is_empty()).then(|| warning(EventReason::MaximumDoesNotFit, message()))
}

/// A Warning about a new placement that may lose its last replica: Envoy answers for what has none by itself, so the metric
/// that would bring it back stays 0.
fn stuck_at_zero(rendered: &Rendered<'_>) -> Option<Event> {
    let Action::Render(sizing) = &rendered.placement.action else { return None };
    let PhaseScaling::Concurrency(concurrency) = &sizing.decode.scaling else { return None };
    let message = || {
        format!(
            "{}: minReplicas is 0, and a gateway has no requests in flight to what has no replica, so nothing brings the model back from zero; \
         set minReplicas to 1, or scale it up by hand",
            rendered.placement.place.environment
        )
    };
    (concurrency.min_replicas == 0 && rendered.existing.is_none()).then(|| warning(EventReason::NeverFromZero, message()))
}

/// A Warning about a new placement for which nobody asked for RDMA.
fn unpinned(inputs: &Inputs, model: &Model, rendered: &Rendered<'_>) -> Option<Event> {
    let (place, name) = (&rendered.placement.place, &rendered.placement.profile);
    let profile = model.profile(name, place.topology)?;
    let unpinned = inputs.settings.rdma == RdmaPolicy::Profile && place.topology == Topology::PrefillDecode;
    let warn = unpinned && rendered.existing.is_none() && !profile.selector.match_labels.contains_key(RDMA_LABEL);
    let message = || {
        format!(
            "{}: profile {name} does not select environments by {RDMA_LABEL}, and the input says rdma: Profile, so the KV cache may travel over \
         TCP, which takes minutes; add the label to the profile's environmentSelector",
            place.environment
        )
    };
    warn.then(|| warning(EventReason::RdmaNotPinned, message()))
}
