//! A field that breaks a rule.

use std::fmt;

/// A field, and what is wrong with it and what to do, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The field's path, e.g. `spec.serving[0].engine.image`; empty for the object as a whole.
    pub path: String,
    /// The sentence, without the path.
    pub message: String,
}

impl Violation {
    /// A violation of a field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// All of them on one line.
#[must_use]
pub fn join(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
