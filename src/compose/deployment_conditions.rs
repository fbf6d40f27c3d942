//! The conditions of a ModelDeployment that is decided on.

use std::collections::BTreeSet;

use crate::api::condition::find;
use crate::api::model_deployment::{StrategyKind, Topology};
use crate::api::model_deployment_status::Scheduling;
use crate::compose::conditions::{
    DECODE_READY, MODEL_RESOLVED, NewCondition, PLACEMENTS_READY, PLACEMENTS_SCHEDULED, PREFILL_READY, Status,
};
use crate::compose::model::profile_valid;
use crate::compose::model_deployment::Inputs;
use crate::compose::status::Reported;
use crate::domain::scheduling::contention::Shortage;
use crate::domain::scheduling::schedule::{Plan, Switch};
use crate::domain::spec::model::Model;
use crate::domain::spec::violation::join;

/// Every condition, in a fixed order. `scheduling` is the report of the last decision, whenever that was.
#[must_use]
pub fn conditions(
    inputs: &Inputs,
    model: &Model,
    plan: &Plan,
    reports: &[Reported<'_>],
    scheduling: Option<&Scheduling>,
) -> Vec<NewCondition> {
    let mut conditions = vec![resolved(inputs), profile_valid(model, inputs.settings.lint), scheduled(inputs, model, plan, scheduling)];
    conditions.extend(phase_conditions(inputs, |phase| phase_ready(inputs, reports, phase)));
    conditions.push(placements_ready(inputs, reports));
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
#[must_use]
pub fn service(inputs: &Inputs, reports: &[Reported<'_>], serves: impl Fn(&Reported<'_>) -> bool) -> (Service, usize) {
    let wanted = inputs.deployment.environments;
    let staying: Vec<&Reported<'_>> = reports.iter().filter(|report| !report.placement.is_leaving()).collect();
    let ready = staying.iter().filter(|report| serves(report)).count();
    // An environment whose placement is replaced within it counts once.
    let everywhere: BTreeSet<&str> =
        reports.iter().filter(|report| serves(report)).map(|report| report.item.environment.as_str()).collect();
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

impl Service {
    /// A condition's status and reason.
    fn judge(self, complete: &str, incomplete: &str) -> (Status, String) {
        match self {
            Self::Complete => (Status::True, complete.to_owned()),
            Self::Replacing => (Status::True, "Replacing".to_owned()),
            Self::ReplacementWaits => (Status::True, "ReplacementWaits".to_owned()),
            Self::Incomplete => (Status::False, incomplete.to_owned()),
        }
    }
}

fn phase_ready(inputs: &Inputs, reports: &[Reported<'_>], phase: Phase) -> (Status, String, String) {
    let serves = |report: &Reported<'_>| match (report.placement.topology, phase) {
        (Topology::Unified, _) => report.readiness.ready,
        (Topology::PrefillDecode, Phase::Decode) => report.readiness.decode.ready,
        (Topology::PrefillDecode, Phase::Prefill) => report.readiness.prefill.ready,
    };
    let (service, number) = service(inputs, reports, serves);
    let (status, reason) = service.judge("Available", "NotAvailable");
    let named = |wanted: &dyn Fn(&Reported<'_>) -> bool| -> Vec<&str> {
        reports.iter().filter(|report| wanted(report)).map(|report| report.item.environment.as_str()).collect()
    };
    let detail = match service {
        Service::Complete => String::new(),
        Service::Replacing | Service::ReplacementWaits => {
            list("; until it is replaced, what leaves serves in ", ", ", &named(&|report| report.placement.is_leaving() && serves(report)))
        }
        Service::Incomplete => list("; not in ", ", ", &named(&|report| !report.placement.is_leaving() && !serves(report))),
    };
    (status, reason, format!("in {number}/{} environments{detail}", inputs.deployment.environments))
}

fn placements_ready(inputs: &Inputs, reports: &[Reported<'_>]) -> NewCondition {
    let (service, number) = service(inputs, reports, |report| report.readiness.ready);
    let (status, reason) = service.judge("AllReady", if reports.is_empty() { "NothingPlaced" } else { "NotReady" });
    let explained: Vec<String> = reports
        .iter()
        .filter(|report| service != Service::Complete && (report.placement.is_leaving() || !report.readiness.ready))
        .map(|report| {
            let item = &report.item;
            let (reason, message) = (item.reason.as_deref().unwrap_or("NotReady"), item.message.as_deref().unwrap_or_default());
            format!("{}: {reason}: {message}", item.environment)
        })
        .collect();
    let message = format!("{number}/{} ready{}", inputs.deployment.environments, list("; ", "; ", &explained));
    NewCondition::new(PLACEMENTS_READY, status, reason, message)
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
