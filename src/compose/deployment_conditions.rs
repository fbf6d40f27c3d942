//! The conditions of a ModelDeployment that is decided on.

use crate::api::condition::find;
use crate::api::model_deployment::{StrategyKind, Topology};
use crate::api::model_deployment_status::Scheduling;
use crate::compose::conditions::{
    DECODE_READY, MODEL_RESOLVED, NewCondition, PLACEMENTS_READY, PLACEMENTS_SCHEDULED, PREFILL_READY, Status,
};
use crate::compose::model::profile_valid;
use crate::compose::model_deployment::Inputs;
use crate::compose::status::Reported;
use crate::domain::contention::Shortage;
use crate::domain::model::Model;
use crate::domain::schedule::{Plan, Switch};
use crate::domain::violation::join;

/// Every condition, in a fixed order. `scheduling` is the report of the last decision, whenever that was.
#[must_use]
pub fn conditions(
    inputs: &Inputs,
    model: &Model,
    plan: &Plan,
    reports: &[Reported<'_>],
    scheduling: Option<&Scheduling>,
) -> Vec<NewCondition> {
    // What leaves serves, but not in place of what is wanted.
    let counted: Vec<&Reported<'_>> = reports.iter().filter(|report| !report.placement.is_leaving()).collect();
    let mut conditions = vec![resolved(inputs), profile_valid(model, inputs.settings.lint), scheduled(inputs, model, plan, scheduling)];
    conditions.extend(phase_conditions(inputs, |phase| phase_ready(inputs, &counted, phase)));
    conditions.push(placements_ready(inputs, plan, &counted));
    conditions
}

/// That the model can be used.
#[must_use]
pub fn resolved(inputs: &Inputs) -> NewCondition {
    let reference = &inputs.deployment.model_ref;
    NewCondition::new(MODEL_RESOLVED, true, "Resolved", format!("{} {}", reference.kind.as_str(), reference.name))
}

fn scheduled(inputs: &Inputs, model: &Model, plan: &Plan, scheduling: Option<&Scheduling>) -> NewCondition {
    let (wanted, placed) = (inputs.deployment.environments, plan.staying());
    let mut parts = vec![format!("{placed}/{wanted} placed")];
    let violations = model.violations_of(inputs.deployment.topology);
    if placed < wanted && !violations.is_empty() {
        parts.push(join(&violations));
        return NewCondition::new(PLACEMENTS_SCHEDULED, false, "ProfileInvalid", parts.join("; "));
    }
    let waiting = match plan.switch {
        Some(Switch::Waiting { old, missing_gpus }) => Some(describe_waiting(inputs, old, missing_gpus)),
        Some(Switch::UnderWay { .. }) | None => None,
    };
    let reason = match &plan.decision {
        _ if placed >= wanted && !plan.shortages.is_empty() => "ShortOfGpus",
        _ if placed >= wanted => "Placed",
        Some(decision) if decision.considered == 0 => "NoEnvironments",
        _ if waiting.is_some() => "TopologySwitchWaits",
        _ if placed == 0 => "NoEnvironmentMatches",
        _ => "TooFewEnvironments",
    };
    parts.extend(waiting);
    parts.extend(plan.shortages.iter().map(describe_shortage));
    parts.extend(scheduling.map(|scheduling| scheduling.summary.clone()).filter(|summary| !summary.is_empty()));
    NewCondition::new(PLACEMENTS_SCHEDULED, reason == "Placed", reason, parts.join("; "))
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

/// The two phases of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Generates tokens.
    Decode,
    /// Computes prompts.
    Prefill,
}

/// The phases' conditions. Without phases they are not shown, but what was shown once is kept as not applicable, because
/// Crossplane never removes a condition.
pub fn phase_conditions(inputs: &Inputs, judge: impl Fn(Phase) -> (Status, String, String)) -> Vec<NewCondition> {
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

fn phase_ready(inputs: &Inputs, counted: &[&Reported<'_>], phase: Phase) -> (Status, String, String) {
    let (ready, waiting): (Vec<&Reported<'_>>, Vec<&Reported<'_>>) = counted.iter().partition(|report| match phase {
        Phase::Decode => report.readiness.decode.ready,
        Phase::Prefill => report.readiness.prefill.ready,
    });
    let wanted = inputs.deployment.environments;
    if ready.len() >= wanted {
        return (Status::True, "Available".to_owned(), format!("in {}/{wanted} environments", ready.len()));
    }
    let names: Vec<&str> = waiting.iter().map(|report| report.item.environment.as_str()).collect();
    let message = format!("in {}/{wanted} environments{}", ready.len(), list("; not in ", ", ", &names));
    (Status::False, "NotAvailable".to_owned(), message)
}

fn placements_ready(inputs: &Inputs, plan: &Plan, counted: &[&Reported<'_>]) -> NewCondition {
    let wanted = inputs.deployment.environments;
    let (ready, waiting): (Vec<&Reported<'_>>, Vec<&Reported<'_>>) = counted.iter().partition(|report| report.readiness.ready);
    let progress = format!("{}/{wanted} ready", ready.len());
    if ready.len() >= wanted {
        return NewCondition::new(PLACEMENTS_READY, true, "AllReady", progress);
    }
    let explained: Vec<String> = waiting
        .iter()
        .map(|report| {
            let item = &report.item;
            let (reason, message) = (item.reason.as_deref().unwrap_or("NotReady"), item.message.as_deref().unwrap_or_default());
            format!("{}: {reason}: {message}", item.environment)
        })
        .collect();
    let leaving = plan.placements.iter().filter(|placement| placement.is_leaving()).count();
    let beside = match plan.switch {
        Some(Switch::Waiting { .. }) => format!("; {leaving} old placements stay as they are"),
        _ if leaving > 0 => format!("; {leaving} old placements stay until these are ready"),
        Some(Switch::UnderWay { .. }) | None => String::new(),
    };
    let reason = if counted.is_empty() { "NothingPlaced" } else { "NotReady" };
    NewCondition::new(PLACEMENTS_READY, false, reason, format!("{progress}{}{beside}", list("; ", "; ", &explained)))
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
