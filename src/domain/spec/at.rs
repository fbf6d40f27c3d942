//! A place in an object that is checked.

use super::violation::{Rule, Violation};

/// A place in an object, and the list that takes what is found to be wrong there and below.
#[derive(Debug)]
pub struct At<'f> {
    path: String,
    found: &'f mut Vec<Violation>,
}

impl<'f> At<'f> {
    /// The place at a path, e.g. `spec.cluster`; an empty one is the object as a whole.
    pub fn new(path: impl Into<String>, found: &'f mut Vec<Violation>) -> Self {
        Self { path: path.into(), found }
    }

    /// A field below, e.g. `name` or `secretRef.name`.
    pub fn child(&mut self, field: &str) -> At<'_> {
        let path = if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) };
        At { path, found: self.found }
    }

    /// An element of the list that is here.
    pub fn index(&mut self, index: usize) -> At<'_> {
        At { path: format!("{}[{index}]", self.path), found: self.found }
    }

    /// An entry of the map that is here.
    pub fn key(&mut self, key: &str) -> At<'_> {
        At { path: format!("{}[{key:?}]", self.path), found: self.found }
    }

    /// What is here breaks a rule of its own. `message` says what is wrong and what to do.
    pub fn refuse(&mut self, message: impl Into<String>) {
        self.refuse_as(Rule::Spec, message);
    }

    /// What is here would be taken for something else by KServe's templates or the shell of its presets.
    pub fn refuse_text(&mut self, message: impl Into<String>) {
        self.refuse_as(Rule::Template, message);
    }

    /// What is here breaks that rule.
    pub fn refuse_as(&mut self, rule: Rule, message: impl Into<String>) {
        self.found.push(Violation::of(rule, self.path.as_str(), message));
    }
}
