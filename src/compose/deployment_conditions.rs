//! The conditions of a ModelDeployment that is decided on.

use std::collections::BTreeSet;

use super::{conditions::NewCondition, inputs::Inputs, model::profile_valid, rendered::Rendered};
use crate::api::model_deployment::{StrategyKind, Topology};
use crate::api::words::{ConditionType, ModelResolved, PhaseReady, PlacementsReady, PlacementsScheduled, Waiting};
use crate::api::{condition::find, model_deployment_status::Scheduling, phase::Phase};
use crate::domain::scheduling::contention::Shortage;
use crate::domain::scheduling::schedule::{Plan, Switch};
use crate::domain::spec::{model::Model, violation::join};

/// Every condition, in a fixed order. `scheduling` is the report of the last decision, whenever that was; `served` is
/// how [`service`] judges whole placements.
pub fn conditions(
    inputs: &Inputs,
    model: &Model,
    plan: &Plan,
    rendered: &[Rendered<'_>],
    scheduling: Option<&Scheduling>,
    served: (Service, usize),
) -> Vec<NewCondition> {
    let mut conditions = vec![resolved(inputs), profile_valid(model, inputs.settings.lint), scheduled(inputs, model, plan, scheduling)];
    conditions.extend(phase_conditions(inputs, |condition, phase| phase_ready(inputs, rendered, condition, phase)));
    conditions.push(placements_ready(inputs, rendered, served));
    conditions
}

/// That the model can be used.
pub fn resolved(inputs: &Inputs) -> NewCondition {
    let reference = &inputs.deployment.model_ref;
    NewCondition::new(ModelResolved::Resolved, format!("{} {}", reference.kind.as_str(), reference.name))
}

fn scheduled(inputs: &Inputs, model: &Model, plan: &Plan, scheduling: Option<&Scheduling>) -> NewCondition {
    let (wanted, placed) = (inputs.deployment.environments, plan.staying());
    let mut parts = vec![format!("{placed}/{wanted} placed")];
    let violations = model.violations_of(inputs.deployment.topology);
    if placed < wanted && !violations.is_empty() {
        parts.push(join(&violations));
        return NewCondition::new(PlacementsScheduled::ProfileInvalid, parts.join("; "));
    }
    let waiting = match plan.switch {
        Some(Switch::Waiting { old, missing_gpus }) => Some(describe_waiting(inputs, old, missing_gpus)),
        Some(Switch::UnderWay { .. }) | None => None,
    };
    let reason = match &plan.decision {
        _ if placed >= wanted && !plan.shortages.is_empty() => PlacementsScheduled::ShortOfGpus,
        _ if placed >= wanted => PlacementsScheduled::Placed,
        Some(decision) if decision.considered == 0 => PlacementsScheduled::NoEnvironments,
        _ if waiting.is_some() => PlacementsScheduled::TopologySwitchWaits,
        _ if placed == 0 => PlacementsScheduled::NoEnvironmentMatches,
        _ => PlacementsScheduled::TooFewEnvironments,
    };
    parts.extend(waiting);
    parts.extend(plan.shortages.iter().map(describe_shortage));
    parts.extend(scheduling.map(|scheduling| scheduling.summary.clone()).filter(|summary| !summary.is_empty()));
    NewCondition::new(reason, parts.join("; "))
}

fn describe_waiting(inputs: &Inputs, old: usize, missing_gpus: Option<u64>) -> String {
    let topology = inputs.deployment.topology.as_str();
    let missing = match missing_gpus {
        Some(gpus) if gpus > 0 => format!(" ({gpus} GPUs are missing)"),
        Some(_) | None => String::new(),
    };
    let advice = match inputs.deployment.strategy {
        StrategyKind::RollingUpdate => "; set spec.strategy.type to Recreate to give up the old ones first",
        StrategyKind::Recreate => "",
    };
    let place = if advice.is_empty() { "in place of" } else { "beside" };
    format!("nothing moves, because the placements of topology {topology} do not all fit {place} the {old} old ones{missing}{advice}")
}

fn describe_shortage(shortage: &Shortage) -> String {
    let Shortage { environment, pool, gpus, total } = shortage;
    format!("{environment} is short of {gpus} GPUs, because more is promised of pool {pool} than the {total} it has")
}

/// The phases' conditions. Without phases they are not shown, but what was shown once is kept as not applicable, because
/// Crossplane never removes a condition.
pub fn phase_conditions(inputs: &Inputs, judge: impl Fn(ConditionType, Phase) -> NewCondition) -> Vec<NewCondition> {
    let phases = [(ConditionType::DecodeReady, Phase::Decode), (ConditionType::PrefillReady, Phase::Prefill)];
    let condition = |(condition, phase): (ConditionType, Phase)| match inputs.deployment.topology {
        Topology::PrefillDecode => Some(judge(condition, phase)),
        Topology::Unified => find(&inputs.status.conditions, condition.as_str())
            .map(|_| NewCondition::new(PhaseReady::NotApplicable.of(condition), "topology Unified has no phases")),
    };
    phases.into_iter().filter_map(condition).collect()
}

/// Whether users are served from as many environments as are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// By what is wanted.
    Complete,
    /// Also by what leaves: its replacements are placed, and not ready.
    Replacing,
    /// Also by what leaves, for which there is no replacement.
    ReplacementWaits,
    /// Not from all of them.
    Incomplete,
}

/// How users are served. What leaves serves until it is replaced.
pub fn service(inputs: &Inputs, rendered: &[Rendered<'_>], serves: impl Fn(&Rendered<'_>) -> bool) -> (Service, usize) {
    let wanted = inputs.deployment.environments;
    let staying: Vec<&Rendered<'_>> = rendered.iter().filter(|rendered| !rendered.placement.is_leaving()).collect();
    let ready = staying.iter().filter(|rendered| serves(rendered)).count();
    // An environment whose placement is replaced within it counts once.
    let everywhere: BTreeSet<&str> =
        rendered.iter().filter(|rendered| serves(rendered)).map(|rendered| rendered.item.environment.as_str()).collect();
    let service = if ready >= wanted {
        Service::Complete
    } else if everywhere.len() < wanted {
        Service::Incomplete
    } else if staying.len() >= wanted {
        Service::Replacing
    } else {
        Service::ReplacementWaits
    };
    (service, everywhere.len().min(wanted))
}

fn phase_ready(inputs: &Inputs, rendered: &[Rendered<'_>], condition: ConditionType, phase: Phase) -> NewCondition {
    let serves = |rendered: &Rendered<'_>| match (rendered.placement.place.topology, phase) {
        (Topology::Unified, _) => rendered.readiness.ready,
        (Topology::PrefillDecode, Phase::Decode | Phase::Unified) => rendered.readiness.decode.ready,
        (Topology::PrefillDecode, Phase::Prefill) => rendered.readiness.prefill.ready,
    };
    let (service, number) = service(inputs, rendered, serves);
    let named = |wanted: &dyn Fn(&Rendered<'_>) -> bool| -> Vec<&str> {
        rendered.iter().filter(|rendered| wanted(rendered)).map(|rendered| rendered.item.environment.as_str()).collect()
    };
    let leaving = || named(&|rendered| rendered.placement.is_leaving() && serves(rendered));
    let replaced = || list("; until it is replaced, what leaves serves in ", ", ", &leaving());
    let (reason, detail) = match service {
        Service::Complete => (PhaseReady::Available, String::new()),
        Service::Replacing => (PhaseReady::Replacing, replaced()),
        Service::ReplacementWaits => (PhaseReady::ReplacementWaits, replaced()),
        Service::Incomplete => {
            let missing = named(&|rendered| !rendered.placement.is_leaving() && !serves(rendered));
            (PhaseReady::NotAvailable, list("; not in ", ", ", &missing))
        }
    };
    NewCondition::new(reason.of(condition), format!("in {number}/{} environments{detail}", inputs.deployment.environments))
}

fn placements_ready(inputs: &Inputs, rendered: &[Rendered<'_>], (service, number): (Service, usize)) -> NewCondition {
    let reason = match service {
        Service::Complete => PlacementsReady::AllReady,
        Service::Replacing => PlacementsReady::Replacing,
        Service::ReplacementWaits => PlacementsReady::ReplacementWaits,
        Service::Incomplete if rendered.is_empty() => PlacementsReady::NothingPlaced,
        Service::Incomplete => PlacementsReady::NotReady,
    };
    let explained: Vec<String> = rendered
        .iter()
        .filter(|rendered| service != Service::Complete && (rendered.placement.is_leaving() || !rendered.readiness.ready))
        .map(|rendered| {
            let item = &rendered.item;
            let reason = item.reason.as_deref().unwrap_or(Waiting::NotReady.as_str());
            format!("{}: {reason}: {}", item.environment, item.message.as_deref().unwrap_or_default())
        })
        .collect();
    let message = format!("{number}/{} ready{}", inputs.deployment.environments, list("; ", "; ", &explained));
    NewCondition::new(reason, message)
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
