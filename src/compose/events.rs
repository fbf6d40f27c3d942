//! Events on the composite resource: only when something changed, never on every call.

use std::collections::BTreeSet;

use crate::api::condition::{Condition, find};
use crate::api::model_deployment_status::{ModelDeploymentStatus, RejectedEnvironment};
use crate::compose::conditions::{LINT_WARNINGS, NewCondition, PLACEMENTS_READY, PLACEMENTS_SCHEDULED, Status};

/// Something worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whether it is bad.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// The events that a change of conditions is worth.
///
/// A condition that is False is a Warning, but for placements that are not ready yet; one that has become True again,
/// and a first scheduling, are Normal.
#[must_use]
pub fn events(conditions: &[NewCondition], observed: &[Condition]) -> Vec<Event> {
    let changed = conditions.iter().filter(|condition| condition.differs_from(find(observed, condition.kind)));
    changed.filter_map(|condition| event(condition, find(observed, condition.kind))).collect()
}

fn event(condition: &NewCondition, before: Option<&Condition>) -> Option<Event> {
    let message = format!("{}: {}", condition.kind, condition.message);
    let starting = condition.kind.ends_with("Ready") && !before.is_some_and(Condition::is_true);
    match condition.status {
        Status::False if !starting => Some(Event { warning: true, reason: condition.reason.clone(), message }),
        Status::True if condition.reason == LINT_WARNINGS => Some(Event { warning: true, reason: condition.reason.clone(), message }),
        Status::True if worth_telling(condition.kind, before) => Some(Event { warning: false, reason: condition.reason.clone(), message }),
        Status::True | Status::False | Status::Unknown => None,
    }
}

fn worth_telling(kind: &str, before: Option<&Condition>) -> bool {
    [PLACEMENTS_SCHEDULED, PLACEMENTS_READY].contains(&kind) || before.is_some_and(|before| before.status == "False")
}

/// A Warning when environments are turned down for other reasons than before, though the condition stays as it was.
#[must_use]
pub fn rejections_changed(condition: &NewCondition, rejected: &[RejectedEnvironment], observed: &ModelDeploymentStatus) -> Option<Event> {
    let unchanged = !condition.differs_from(find(&observed.conditions, condition.kind));
    let codes = |list: &[RejectedEnvironment]| list.iter().map(|rejected| rejected.reason.clone()).collect::<BTreeSet<_>>();
    let before = observed.scheduling.as_ref().map(|scheduling| codes(&scheduling.rejected)).unwrap_or_default();
    let warn = condition.status == Status::False && unchanged && codes(rejected) != before;
    warn.then(|| Event { warning: true, reason: condition.reason.clone(), message: format!("{}: {}", condition.kind, condition.message) })
}
