//! The composition of a ModelDeployment.

use std::collections::BTreeMap;

use crate::api::condition::{Condition, find};
use crate::api::input::{Input, RdmaPolicy};
use crate::api::model_deployment::Topology;
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem, RejectedEnvironment};
use crate::compose::composition::{Composed, Composition, Status as CompositeStatus, Tally};
use crate::compose::conditions::{
    DECODE_READY, MODEL_RESOLVED, NewCondition, PLACEMENTS_READY, PLACEMENTS_SCHEDULED, PREFILL_READY, PROFILE_VALID, Status,
};
use crate::compose::deployment_conditions::{Service, conditions, phase_conditions, resolved, service};
use crate::compose::events::{Event, events, rejections_changed};
use crate::compose::frozen::freeze;
use crate::compose::guard::{Refusal, absent_model, environments_vanished, foreign_resources, invalid_model};
use crate::compose::model::profile_valid;
use crate::compose::observed::Observed;
use crate::compose::placement::render_placement;
use crate::compose::status::{render_status, report};
use crate::domain::names::{Key, RDMA_LABEL};
use crate::domain::scheduling::holdings::Fleet;
use crate::domain::scheduling::matching::Wish;
use crate::domain::scheduling::placement::{Action, Environments, Existing, Missing, Placement};
use crate::domain::scheduling::schedule::{Plan, Situation, schedule};
use crate::domain::spec::deployment::{Deployment, PhaseScaling};
use crate::domain::spec::model::Model;
use crate::domain::spec::violation::Violation;

/// Everything the composition of a ModelDeployment depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The deployment.
    pub deployment: Deployment,
    /// The status that was reported before.
    pub status: ModelDeploymentStatus,
    /// The step's input.
    pub settings: Input,
    /// What exists.
    pub observed: Observed,
    /// The placements that exist.
    pub existing: Vec<Existing>,
    /// The model.
    pub model: ModelState,
    /// The environments that were looked up.
    pub environments: Environments,
    /// Placements that were reported and are not seen.
    pub missing: Vec<Missing>,
    /// What other deployments hold in these environments, as far as it is known.
    pub fleet: Fleet,
    /// Whether all environments were looked up, because something is to be decided.
    pub deciding: bool,
}

/// What is known of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelState {
    /// It does not exist.
    Absent,
    /// It is invalid as a whole.
    Invalid(Vec<Violation>),
    /// It can be used.
    Usable(Model),
}

impl Inputs {
    /// What exists of a placement.
    #[must_use]
    pub fn existing(&self, placement: &Placement) -> Option<&Existing> {
        self.existing.iter().find(|existing| existing.slot == placement.slot && existing.topology == placement.topology)
    }
}

/// The plan for a deployment; none without a model that can be used.
#[must_use]
pub fn plan(inputs: &Inputs) -> Option<Plan> {
    let ModelState::Usable(model) = &inputs.model else { return None };
    Some(schedule(situation(inputs, model)))
}

/// What a plan for a deployment depends on.
#[must_use]
pub fn situation<'a>(inputs: &'a Inputs, model: &'a Model) -> Situation<'a> {
    Situation {
        wish: Wish { deployment: &inputs.deployment, model, rdma: inputs.settings.rdma, lint: inputs.settings.lint },
        environments: &inputs.environments,
        existing: &inputs.existing,
        missing: &inputs.missing,
        fleet: &inputs.fleet,
        deciding: inputs.deciding,
        explain: false,
    }
}

/// The composition of a ModelDeployment. `plan` is what [`plan`] makes of the same inputs.
#[must_use]
pub fn compose(inputs: &Inputs, plan: Option<Plan>) -> Composition {
    if let Some(refusal) = foreign_resources(inputs) {
        return refuse(inputs, &refusal, true);
    }
    let model = match &inputs.model {
        ModelState::Usable(model) => model,
        ModelState::Absent => return refuse(inputs, &absent_model(inputs), !inputs.existing.is_empty()),
        ModelState::Invalid(violations) => return refuse(inputs, &invalid_model(inputs, violations), !inputs.existing.is_empty()),
    };
    if let Some(refusal) = environments_vanished(inputs) {
        return refuse(inputs, &refusal, true);
    }
    let plan = plan.unwrap_or_else(|| schedule(situation(inputs, model)));
    let reports = report(inputs, model, &plan);
    let status = render_status(inputs, model, &plan, &reports);
    let conditions = conditions(inputs, model, &plan, &reports, status.scheduling.as_ref());
    let events = all_events(inputs, model, &plan, &status, &conditions);
    let mut resources = BTreeMap::new();
    // What is frozen goes first: where both have a resource, the one that is rendered counts.
    for placement in plan.placements.iter().filter(|placement| matches!(placement.action, Action::Freeze(..))) {
        resources.extend(freeze(inputs, placement));
    }
    for placement in &plan.placements {
        resources.extend(render_placement(inputs, model, placement));
    }
    if let Some(lost) = plan.placements.iter().find(|placement| !has_serving(&resources, placement)) {
        let message = format!("{} ({}) would be lost, so nothing is changed", lost.environment, lost.topology.as_str());
        return refuse(inputs, &Refusal { reason: "PlacementLost", message }, true);
    }
    let (service, _) = service(inputs, &reports, |report| report.readiness.ready);
    if matches!(service, Service::Replacing | Service::ReplacementWaits) {
        // What is being replaced serves: what replaces it does not hold the deployment's readiness up.
        for composed in resources.values_mut() {
            composed.ready = true;
        }
    }
    Composition {
        unready: service == Service::Incomplete,
        tally: tally(inputs, &plan),
        resources: resources.into_iter().map(|(key, composed)| (key.to_string(), composed)).collect(),
        status: Some(CompositeStatus::ModelDeployment(Box::new(status))),
        conditions,
        events,
        fatal: None,
    }
}

/// Whether a placement's serving object is wanted: one that is planned and not composed would be deleted.
fn has_serving(resources: &BTreeMap<Key, Composed>, placement: &Placement) -> bool {
    [true, false].into_iter().any(|local| resources.contains_key(&Key::serving(&placement.slot, placement.topology, local)))
}

fn tally(inputs: &Inputs, plan: &Plan) -> Tally {
    let mut rejected: BTreeMap<String, u32> = BTreeMap::new();
    for rejection in plan.decision.iter().flat_map(|decision| &decision.rejections) {
        let number = rejected.entry(rejection.reason.code().to_owned()).or_default();
        *number = number.saturating_add(1);
    }
    Tally { wanted: inputs.deployment.environments, placed: plan.placements.len(), rejected }
}

/// An answer without placements: fatal where that would delete something.
fn refuse(inputs: &Inputs, refusal: &Refusal, fatal: bool) -> Composition {
    let Refusal { reason, message } = refusal;
    let (resolved, profiles) = match &inputs.model {
        ModelState::Usable(model) => (resolved(inputs), profile_valid(model, inputs.settings.lint)),
        ModelState::Absent => (
            NewCondition::new(MODEL_RESOLVED, false, *reason, message),
            NewCondition::new(PROFILE_VALID, Status::Unknown, *reason, message),
        ),
        ModelState::Invalid(_) => {
            (NewCondition::new(MODEL_RESOLVED, false, *reason, message), NewCondition::new(PROFILE_VALID, false, *reason, message))
        }
    };
    let status = if inputs.existing.is_empty() { Status::False } else { Status::Unknown };
    let mut conditions = vec![resolved, profiles, NewCondition::new(PLACEMENTS_SCHEDULED, false, *reason, message)];
    conditions.extend(phase_conditions(inputs, |_| (status, (*reason).to_owned(), message.clone())));
    conditions.push(NewCondition::new(PLACEMENTS_READY, status, *reason, message));
    Composition {
        unready: true,
        tally: Tally { wanted: inputs.deployment.environments, placed: inputs.existing.len(), rejected: BTreeMap::new() },
        events: if fatal { Vec::new() } else { refusal_events(inputs, refusal) },
        conditions,
        status: (!fatal).then(|| CompositeStatus::ModelDeployment(Box::default())),
        fatal: fatal.then(|| message.clone()),
        resources: BTreeMap::new(),
    }
}

/// The answer to a deployment, or an input, that breaks rules: nothing may change. `observed` are the conditions that
/// were reported before.
#[must_use]
pub fn refuse_spec(reason: &str, message: String, observed: &[Condition]) -> Composition {
    let always = [MODEL_RESOLVED, PROFILE_VALID, PLACEMENTS_SCHEDULED, PLACEMENTS_READY];
    let phases = [DECODE_READY, PREFILL_READY].into_iter().filter(|kind| find(observed, kind).is_some());
    let condition = |kind| {
        let status = if kind == PLACEMENTS_SCHEDULED { Status::False } else { Status::Unknown };
        NewCondition::new(kind, status, reason, &message)
    };
    Composition {
        unready: true,
        conditions: always.into_iter().chain(phases).map(condition).collect(),
        fatal: Some(message),
        ..Composition::default()
    }
}

/// One Warning, when the condition is new.
fn refusal_events(inputs: &Inputs, refusal: &Refusal) -> Vec<Event> {
    let condition = NewCondition::new(PLACEMENTS_SCHEDULED, false, refusal.reason, &refusal.message);
    events(&[condition], &inputs.status.conditions)
}

fn all_events(inputs: &Inputs, model: &Model, plan: &Plan, status: &ModelDeploymentStatus, conditions: &[NewCondition]) -> Vec<Event> {
    let mut all = events(&told_before(inputs, conditions), &inputs.status.conditions);
    let rejected: &[RejectedEnvironment] = status.scheduling.as_ref().map(|scheduling| scheduling.rejected.as_slice()).unwrap_or_default();
    if plan.decision.is_some() {
        let scheduled = conditions.iter().find(|condition| condition.kind == PLACEMENTS_SCHEDULED);
        all.extend(scheduled.and_then(|condition| rejections_changed(condition, rejected, &inputs.status)));
    }
    all.extend(plan.placements.iter().filter_map(|placement| unpinned(inputs, model, placement)));
    all.extend(plan.placements.iter().filter_map(|placement| beyond_capacity(inputs, plan, placement)));
    all.extend(plan.placements.iter().filter_map(|placement| stuck_at_zero(inputs, placement)));
    all.extend(inputs.missing.iter().filter(|missing| missing.was_seen).map(|missing| vanished(missing, plan)));
    for (placement, item) in plan.placements.iter().zip(&status.placements.items) {
        let Action::Freeze(freeze, _) = &placement.action else { continue };
        let same = |before: &&PlacementItem| before.environment == item.environment && before.topology == item.topology;
        let before = inputs.status.placements.items.iter().find(same).and_then(|before| before.reason.as_deref());
        if before != Some(freeze.code()) {
            let message = format!("{} ({}): {freeze}", item.environment, item.topology.as_str());
            all.push(Event { warning: true, reason: freeze.code().to_owned(), message });
        }
    }
    all
}

/// Only the conditions that can be compared with what was said before: Crossplane writes conditions after the rest of the status,
/// and may call in between.
fn told_before(inputs: &Inputs, conditions: &[NewCondition]) -> Vec<NewCondition> {
    let written = inputs.status.model.is_some();
    conditions.iter().filter(|condition| !written || find(&inputs.status.conditions, condition.kind).is_some()).cloned().collect()
}

/// A Warning about a serving object that somebody else deleted: once, because what is made in its place is reported with another uid.
fn vanished(missing: &Missing, plan: &Plan) -> Event {
    let Missing { environment, topology, .. } = missing;
    let back = plan.placements.iter().any(|placement| placement.environment == *environment && placement.topology == *topology);
    let then = if back { "it is made again where it was" } else { "there is no room for it any more where it was" };
    Event {
        warning: true,
        reason: "PlacementVanished".to_owned(),
        message: format!("{environment} ({}): the serving object was deleted by somebody else; {then}", topology.as_str()),
    }
}

/// A Warning about a placement whose autoscaler may ask for more than there is: once, when it is new or resized.
fn beyond_capacity(inputs: &Inputs, plan: &Plan, placement: &Placement) -> Option<Event> {
    let Action::Render(sizing) = &placement.action else { return None };
    let record = inputs.existing(placement).and_then(|existing| existing.record.as_ref());
    if record.is_some_and(|record| sizing.fits(record)) {
        return None;
    }
    let short = plan.ceilings.iter().filter(|shortage| shortage.environment == placement.environment);
    let short: Vec<String> = short.map(|short| format!("{} GPUs of pool {}, which has {}", short.gpus, short.pool, short.total)).collect();
    (!short.is_empty()).then(|| Event {
        warning: true,
        reason: "MaximumDoesNotFit".to_owned(),
        message: format!(
            "{}: maxReplicas cannot be reached beside what others hold; missing are {}",
            placement.environment,
            short.join(" and ")
        ),
    })
}

/// A Warning about a new placement that may lose its last replica: Envoy answers for what has none by itself, so the metric
/// that would bring it back stays 0.
fn stuck_at_zero(inputs: &Inputs, placement: &Placement) -> Option<Event> {
    let Placement { environment, action: Action::Render(sizing), .. } = placement else { return None };
    let PhaseScaling::Concurrency(concurrency) = &sizing.decode.scaling else { return None };
    let warn = concurrency.min_replicas == 0 && inputs.existing(placement).is_none();
    warn.then(|| Event {
        warning: true,
        reason: "NeverFromZero".to_owned(),
        message: format!(
            "{environment}: minReplicas is 0, and a gateway has no requests in flight to what has no replica, so nothing brings the model \
             back from zero; set minReplicas to 1, or scale it up by hand"
        ),
    })
}

/// A Warning about a new placement for which nobody asked for RDMA.
fn unpinned(inputs: &Inputs, model: &Model, placement: &Placement) -> Option<Event> {
    let Placement { environment, topology, profile: name, .. } = placement;
    let unpinned = inputs.settings.rdma == RdmaPolicy::Profile && *topology == Topology::PrefillDecode;
    let profile = model.profiles.iter().find(|profile| profile.name == *name && profile.topology == *topology)?;
    let warn = unpinned && inputs.existing(placement).is_none() && !profile.selector.match_labels.contains_key(RDMA_LABEL);
    warn.then(|| Event {
        warning: true,
        reason: "RdmaNotPinned".to_owned(),
        message: format!(
            "{environment}: profile {name} does not select environments by {RDMA_LABEL}, and the input says rdma: Profile, so the KV cache may \
             travel over TCP, which takes minutes; add the label to the profile's environmentSelector"
        ),
    })
}
