//! Conditions of the composite resources. Their types, and nearly all their reasons, are listed here.

use crate::api::condition::Condition;
use crate::domain::visible_text::visible;

/// Whether the model exists and is valid as a whole.
pub const MODEL_RESOLVED: &str = "ModelResolved";
/// Whether the model's serving profiles are valid.
pub const PROFILE_VALID: &str = "ProfileValid";
/// Whether there is a placement in as many environments as are wanted.
pub const PLACEMENTS_SCHEDULED: &str = "PlacementsScheduled";
/// Whether decode is available in every placement.
pub const DECODE_READY: &str = "DecodeReady";
/// Whether prefill is available in every placement.
pub const PREFILL_READY: &str = "PrefillReady";
/// Whether every wanted placement serves.
pub const PLACEMENTS_READY: &str = "PlacementsReady";

/// Whether an InferenceEnvironment keeps the rules.
pub const ENVIRONMENT_VALID: &str = "EnvironmentValid";

/// The reason of a model that cannot be used as a whole.
pub const MODEL_INVALID: &str = "ModelInvalid";

/// The reason of profiles that the lint finds errors in.
pub const LINT_ERRORS: &str = "LintErrors";
/// The reason of profiles that the lint finds nothing worse than warnings in.
pub const LINT_WARNINGS: &str = "LintWarnings";

/// A condition's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be known, or does not apply.
    Unknown,
}

impl Status {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Status {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// A condition to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCondition {
    /// Its type.
    pub kind: &'static str,
    /// Its status.
    pub status: Status,
    /// Why, as one word.
    pub reason: String,
    /// Why, as a sentence.
    pub message: String,
}

impl NewCondition {
    /// A condition. What its message quotes of others is made visible: it is printed beside other conditions.
    pub fn new(kind: &'static str, status: impl Into<Status>, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, status: status.into(), reason: reason.into(), message: visible(&message.into()) }
    }

    /// Whether the observed condition has another status or reason.
    #[must_use]
    pub fn differs_from(&self, observed: Option<&Condition>) -> bool {
        // What the lint finds follows from what people wrote: no number in it changes by itself.
        let told_by_message = [LINT_ERRORS, LINT_WARNINGS].contains(&self.reason.as_str());
        observed.is_none_or(|observed| {
            let same = observed.status == self.status.as_str() && observed.reason == self.reason;
            !same || (told_by_message && observed.message != self.message)
        })
    }
}
