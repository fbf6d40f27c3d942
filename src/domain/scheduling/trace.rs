//! The checks that an environment went through, for whoever asks why it was chosen or not.

use serde::Serialize;

use crate::domain::scheduling::rejection::Reason;

/// One check of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// The serving profile it was looked at for; `None` where it is the same for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether it passed.
    pub passed: bool,
    /// What was found, with the numbers.
    pub found: String,
}

/// The checks of one environment; where nobody asks, nothing is kept.
#[derive(Debug, Default)]
pub struct Trace(Option<Vec<Check>>);

impl Trace {
    /// A trace that keeps what it is told, or not.
    #[must_use]
    pub fn new(kept: bool) -> Self {
        Self(kept.then(Vec::new))
    }

    /// Notes a check that passed.
    pub fn passed(&mut self, check: &'static str, profile: Option<&str>, found: impl FnOnce() -> String) {
        if let Some(checks) = &mut self.0 {
            checks.push(Check { check, profile: profile.map(str::to_owned), passed: true, found: found() });
        }
    }

    /// Notes the check that failed, by the reason it gave.
    pub fn failed(&mut self, profile: Option<&str>, reason: &Reason) {
        if let Some(checks) = &mut self.0 {
            checks.push(Check { check: reason.check(), profile: profile.map(str::to_owned), passed: false, found: reason.to_string() });
        }
    }

    /// The checks in their order.
    #[must_use]
    pub fn checks(self) -> Vec<Check> {
        self.0.unwrap_or_default()
    }
}
