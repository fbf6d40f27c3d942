//! What a rule finds.

use std::fmt;

use super::code::{Code, Severity};
use crate::domain::spec::violation::{Rule, Violation};

/// A field that a rule objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub code: Code,
    /// How sure it is.
    pub severity: Severity,
    /// The field's path, e.g. `spec.serving[0].prefill.engine.args[2]`.
    pub path: String,
    /// What happens at run time and what to do, in one sentence.
    pub message: String,
}

impl Finding {
    /// What an error is about. Path and message are cut where they get too long.
    pub(super) fn error(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, path, message)
    }

    /// What a warning is about. Path and message are cut where they get too long.
    pub(super) fn warning(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, path, message)
    }

    /// What a finding is about. Path and message are cut where they get too long.
    pub(super) fn new(code: Code, severity: Severity, path: impl Into<String>, message: impl Into<String>) -> Self {
        let Violation { path, message, .. } = Violation::new(path, message);
        Self { code, severity, path, message }
    }

    /// Whether it is certain to fail.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Violation::from(self))
    }
}

/// A finding where rules are listed that a spec breaks: with its code behind it.
impl From<&Finding> for Violation {
    fn from(finding: &Finding) -> Self {
        Self::new(finding.path.clone(), format!("{} ({})", finding.message, finding.code.as_str()))
    }
}

/// A broken rule of the spec among the findings: the rules of the lint never repeat one.
impl From<&Violation> for Finding {
    fn from(violation: &Violation) -> Self {
        let Violation { rule, path, message } = violation.clone();
        let code = match rule {
            Rule::Spec => Code::SpecInvalid,
            Rule::Template => Code::TemplateText,
        };
        Self { code, severity: Severity::Error, path, message }
    }
}
