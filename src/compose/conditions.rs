//! Conditions of the composite resources, as they are to be.

use crate::api::condition::{Condition, Status, find};
use crate::api::words::{ConditionReason, ConditionType, ProfileValid};
use crate::text::visible::visible;

/// A condition to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCondition {
    /// Its type.
    pub kind: ConditionType,
    /// Its status.
    pub status: Status,
    /// Why, as one word.
    pub reason: &'static str,
    /// Why, as a sentence.
    pub message: String,
}

impl NewCondition {
    /// A condition. What its message quotes of others is made visible: it is printed beside other conditions.
    pub fn new(reason: impl Into<ConditionReason>, message: impl Into<String>) -> Self {
        let ConditionReason { condition, status, word } = reason.into();
        Self { kind: condition, status, reason: word, message: visible(&message.into()) }
    }

    /// The condition of this type as it was reported before.
    pub fn before<'a>(&self, observed: &'a [Condition]) -> Option<&'a Condition> {
        find(observed, self.kind.as_str())
    }

    /// Whether the observed condition has another status or reason.
    pub fn differs_from(&self, observed: Option<&Condition>) -> bool {
        // What the lint finds follows from what people wrote: no number in it changes by itself.
        let told_by_message = [ProfileValid::LintErrors, ProfileValid::LintWarnings].map(ProfileValid::as_str).contains(&self.reason);
        observed.is_none_or(|observed| {
            let same = observed.status == self.status.as_str() && observed.reason == self.reason;
            !same || (told_by_message && observed.message != self.message)
        })
    }
}
