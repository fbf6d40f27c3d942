//! Events on the composite resource: only when something changed, never on every call.

use std::collections::BTreeSet;

use super::conditions::NewCondition;
use crate::api::condition::{Condition, Status};
use crate::api::model_deployment_status::{ModelDeploymentStatus, RejectedEnvironment};
use crate::api::words::{ConditionType, ProfileValid};

/// Something worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whether it is bad.
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}

impl Event {
    fn of(condition: &NewCondition, warning: bool) -> Self {
        Self { warning, reason: condition.reason, message: format!("{}: {}", condition.kind.as_str(), condition.message) }
    }
}

/// The events that a change of conditions is worth.
///
/// A condition that is False is a Warning, but for placements that are not ready yet; one that has become True again,
/// and a first scheduling, are Normal.
pub fn events<'a>(conditions: impl IntoIterator<Item = &'a NewCondition>, observed: &[Condition]) -> Vec<Event> {
    let told = conditions.into_iter().filter_map(|condition| event(condition, condition.before(observed)));
    told.collect()
}

fn event(condition: &NewCondition, before: Option<&Condition>) -> Option<Event> {
    use ConditionType::{DecodeReady, PlacementsReady, PlacementsScheduled, PrefillReady};
    if !condition.differs_from(before) {
        return None;
    }
    let starting = matches!(condition.kind, DecodeReady | PrefillReady | PlacementsReady) && !before.is_some_and(Condition::is_true);
    let worth_telling = matches!(condition.kind, PlacementsScheduled | PlacementsReady) || before.is_some_and(Condition::is_false);
    let warning = match condition.status {
        Status::False if !starting => true,
        Status::True if condition.reason == ProfileValid::LintWarnings.as_str() => true,
        Status::True if worth_telling => false,
        Status::True | Status::False | Status::Unknown => return None,
    };
    Some(Event::of(condition, warning))
}

/// A Warning when environments are turned down for other reasons than before, though the condition stays as it was.
pub fn rejections_changed(condition: &NewCondition, rejected: &[RejectedEnvironment], observed: &ModelDeploymentStatus) -> Option<Event> {
    let unchanged = !condition.differs_from(condition.before(&observed.conditions));
    let codes = |list: &[RejectedEnvironment]| list.iter().map(|rejected| rejected.reason.clone()).collect::<BTreeSet<_>>();
    let before = observed.scheduling.as_ref().map(|scheduling| codes(&scheduling.rejected)).unwrap_or_default();
    let warn = condition.status == Status::False && unchanged && codes(rejected) != before;
    warn.then(|| Event::of(condition, true))
}
