//! A field that breaks a rule.

use std::fmt;

use crate::domain::finding::{Code, Finding, Severity};
use crate::text::bounded::bounded;

/// So many are listed on one line.
const MOST_LISTED: usize = 10;

/// What kind of rule a field breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// One of its own: what is there is of the wrong type, beyond its limits, or does not go with the fields around it.
    Spec,
    /// It holds text that KServe's templates or the shell of its presets would interpret.
    Template,
}

/// A field, and what is wrong with it and what to do, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The field's path, e.g. `spec.serving[0].engine.image`; empty for the object as a whole.
    pub path: String,
    /// The sentence, without the path.
    pub message: String,
}

impl Violation {
    /// A violation of a field's own rules. Path and message are cut where they get too long.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(Rule::Spec, path, message)
    }

    /// A violation of a rule. Path and message are cut where they get too long.
    pub fn of(rule: Rule, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, path: bounded(path.into()), message: bounded(message.into()) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
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

/// The first of them on one line, and how many more there are: it ends up in conditions and events.
pub fn join(violations: &[Violation]) -> String {
    let listed: Vec<String> = violations.iter().take(MOST_LISTED).map(ToString::to_string).collect();
    let more = violations.len().saturating_sub(listed.len());
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    listed.join("; ") + &rest
}
