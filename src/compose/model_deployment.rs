//! The composition of a ModelDeployment.

use std::collections::BTreeMap;

use crate::api::condition::{Condition, find};
use crate::api::input::Input;
use crate::api::model_deployment::Topology;
use crate::api::model_deployment_status::{ModelDeploymentStatus, PlacementItem, RejectedEnvironment};
use crate::compose::composition::{Composition, Status as CompositeStatus, Tally};
use crate::compose::conditions::{
    DECODE_READY, MODEL_INVALID, MODEL_RESOLVED, NewCondition, PLACEMENTS_READY, PLACEMENTS_SCHEDULED, PREFILL_READY, PROFILE_VALID, Status,
};
use crate::compose::events::{Event, events, rejections_changed};
use crate::compose::frozen::freeze;
use crate::compose::guard::{Refusal, environments_vanished, foreign_resources, unusable_model};
use crate::compose::model::profile_valid;
use crate::compose::observed::Observed;
use crate::compose::placement::render_placement;
use crate::compose::status::render_status;
use crate::domain::deployment::Deployment;
use crate::domain::matching::Wish;
use crate::domain::model::Model;
use crate::domain::placement::{Action, Environments, Existing, Holding};
use crate::domain::rejection::summarize;
use crate::domain::schedule::{Plan, Situation, schedule};
use crate::domain::violation::{Violation, join};

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
    /// How many there are in all; `None` when only the placements' own were looked up, and nothing is to be decided.
    pub listed: Option<usize>,
    /// What other deployments hold.
    pub others: Vec<Holding>,
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
    /// A placement that exists.
    #[must_use]
    pub fn existing(&self, environment: &str, topology: Topology) -> Option<&Existing> {
        self.existing.iter().find(|existing| existing.environment == environment && existing.topology == topology)
    }
}

/// The plan for a deployment with a model that can be used.
#[must_use]
pub fn plan(inputs: &Inputs, model: &Model) -> Plan {
    schedule(Situation {
        wish: Wish { deployment: &inputs.deployment, model, rdma: inputs.settings.rdma },
        environments: &inputs.environments,
        existing: &inputs.existing,
        others: &inputs.others,
    })
}

/// The composition of a ModelDeployment.
#[must_use]
pub fn compose(inputs: &Inputs) -> Composition {
    if let Some(refusal) = foreign_resources(inputs) {
        return refuse(inputs, &refusal, true);
    }
    let model = match &inputs.model {
        ModelState::Usable(model) => model,
        ModelState::Absent | ModelState::Invalid(_) => {
            let refusal = unusable_model(inputs).unwrap_or(Refusal { reason: MODEL_INVALID, message: String::new() });
            return refuse(inputs, &refusal, !inputs.existing.is_empty());
        }
    };
    if let Some(refusal) = environments_vanished(inputs) {
        return refuse(inputs, &refusal, true);
    }
    let plan = plan(inputs, model);
    let status = render_status(inputs, model, &plan);
    let conditions = conditions(inputs, model, &plan, &status);
    let events = all_events(inputs, &plan, &status, &conditions);
    let mut resources = BTreeMap::new();
    // What is frozen goes first: where both have a resource, the one that is rendered counts.
    for placement in plan.placements.iter().filter(|placement| matches!(placement.action, Action::Freeze(..))) {
        resources.extend(freeze(inputs, placement));
    }
    for placement in &plan.placements {
        resources.extend(render_placement(inputs, model, placement));
    }
    let wanted = inputs.deployment.environments;
    let serving = plan.placements.iter().zip(&status.placements.items).filter(|(placement, item)| !placement.is_leaving() && item.ready);
    Composition {
        unready: serving.count() < wanted,
        tally: tally(inputs, &plan),
        resources: resources.into_iter().map(|(key, composed)| (key.to_string(), composed)).collect(),
        status: Some(CompositeStatus::ModelDeployment(Box::new(status))),
        conditions,
        events,
        fatal: None,
    }
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
        ModelState::Usable(model) => (resolved(inputs), profile_valid(model)),
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

/// Every condition, in a fixed order.
fn conditions(inputs: &Inputs, model: &Model, plan: &Plan, status: &ModelDeploymentStatus) -> Vec<NewCondition> {
    let mut conditions = vec![resolved(inputs), profile_valid(model), scheduled(inputs, model, plan)];
    let items = &status.placements.items;
    conditions.extend(phase_conditions(inputs, |phase| phase_ready(inputs, items, phase)));
    conditions.push(placements_ready(inputs, items));
    conditions
}

fn resolved(inputs: &Inputs) -> NewCondition {
    let reference = &inputs.deployment.model_ref;
    NewCondition::new(MODEL_RESOLVED, true, "Resolved", format!("{} {}", reference.kind.as_str(), reference.name))
}

fn scheduled(inputs: &Inputs, model: &Model, plan: &Plan) -> NewCondition {
    let (wanted, placed) = (inputs.deployment.environments, plan.staying());
    let progress = format!("{placed}/{wanted} placed");
    let violations = model.violations_of(inputs.deployment.topology);
    if placed < wanted && !violations.is_empty() {
        return NewCondition::new(PLACEMENTS_SCHEDULED, false, "ProfileInvalid", format!("{progress}; {}", join(&violations)));
    }
    let message = match &plan.decision {
        Some(decision) if decision.considered == 0 => format!("{progress}; there is no InferenceEnvironment"),
        Some(decision) if decision.rejections.is_empty() => progress,
        Some(decision) => {
            let rejected = decision.rejections.len();
            format!("{progress}; {rejected}/{} environments rejected: {}", decision.considered, summarize(&decision.rejections))
        }
        // Nothing was decided: the last decision's report still stands.
        None => match find(&inputs.status.conditions, PLACEMENTS_SCHEDULED) {
            Some(before) if before.is_true() && before.message.starts_with(&progress) => before.message.clone(),
            _ => progress,
        },
    };
    let reason = match &plan.decision {
        _ if placed >= wanted => "Placed",
        Some(decision) if decision.considered == 0 => "NoEnvironments",
        _ if placed == 0 => "NoEnvironmentMatches",
        _ => "TooFewEnvironments",
    };
    NewCondition::new(PLACEMENTS_SCHEDULED, placed >= wanted, reason, message)
}

/// The two phases of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Decode,
    Prefill,
}

/// The phases' conditions. Without phases they are not shown, but what was shown once is kept as not applicable, because
/// Crossplane never removes a condition.
fn phase_conditions(inputs: &Inputs, judge: impl Fn(Phase) -> (Status, String, String)) -> Vec<NewCondition> {
    let phases = [(DECODE_READY, Phase::Decode), (PREFILL_READY, Phase::Prefill)];
    let condition = |(kind, phase)| match inputs.deployment.topology {
        Topology::PrefillDecode => {
            let (status, reason, message) = judge(phase);
            Some(NewCondition::new(kind, status, reason, message))
        }
        Topology::Unified => find(&inputs.status.conditions, kind)
            .map(|_| NewCondition::new(kind, Status::Unknown, "NotApplicable", "topology Unified has no phases")),
    };
    phases.into_iter().filter_map(condition).collect()
}

fn phase_ready(inputs: &Inputs, items: &[PlacementItem], phase: Phase) -> (Status, String, String) {
    let topology = inputs.deployment.topology;
    let (ready, waiting): (Vec<_>, Vec<_>) = items.iter().filter(|item| item.topology == topology).partition(|item| match phase {
        Phase::Decode => item.decode.as_ref().is_some_and(|decode| decode.ready),
        Phase::Prefill => item.prefill.as_ref().is_some_and(|prefill| prefill.ready),
    });
    let wanted = inputs.deployment.environments;
    if ready.len() >= wanted {
        return (Status::True, "Available".to_owned(), format!("in {}/{wanted} environments", ready.len()));
    }
    let names: Vec<&str> = waiting.iter().map(|item| item.environment.as_str()).collect();
    let message = format!("in {}/{wanted} environments{}", ready.len(), list("; not in ", ", ", &names));
    (Status::False, "NotAvailable".to_owned(), message)
}

fn placements_ready(inputs: &Inputs, items: &[PlacementItem]) -> NewCondition {
    let wanted = inputs.deployment.environments;
    let (ready, waiting): (Vec<_>, Vec<_>) =
        items.iter().filter(|item| item.topology == inputs.deployment.topology).partition(|item| item.ready);
    let progress = format!("{}/{wanted} ready", ready.len());
    if ready.len() >= wanted {
        return NewCondition::new(PLACEMENTS_READY, true, "AllReady", progress);
    }
    if items.is_empty() {
        return NewCondition::new(PLACEMENTS_READY, false, "NothingPlaced", progress);
    }
    let explained: Vec<String> = waiting
        .iter()
        .map(|item| {
            let (reason, message) = (item.reason.as_deref().unwrap_or("NotReady"), item.message.as_deref().unwrap_or_default());
            format!("{}: {reason}: {message}", item.environment)
        })
        .collect();
    NewCondition::new(PLACEMENTS_READY, false, "NotReady", format!("{progress}{}", list("; ", "; ", &explained)))
}

/// At most five of a list, after an introduction.
fn list<T: AsRef<str>>(introduction: &str, separator: &str, entries: &[T]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = entries.iter().take(5).map(AsRef::as_ref).collect();
    let more = entries.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{introduction}{}{rest}", shown.join(separator))
}

fn all_events(inputs: &Inputs, plan: &Plan, status: &ModelDeploymentStatus, conditions: &[NewCondition]) -> Vec<Event> {
    let mut all = events(conditions, &inputs.status.conditions);
    let rejected: &[RejectedEnvironment] = status.scheduling.as_ref().map(|scheduling| scheduling.rejected.as_slice()).unwrap_or_default();
    if plan.decision.is_some() {
        let scheduled = conditions.iter().find(|condition| condition.kind == PLACEMENTS_SCHEDULED);
        all.extend(scheduled.and_then(|condition| rejections_changed(condition, rejected, &inputs.status)));
    }
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
