//! Numbers, texts and lists within their limits, and texts in Kubernetes' syntax: what the schemas ask for, asked again.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::limits::Limits;
use crate::api::quantity::Quantity;
use crate::api::resource_name::extended_resource_error;
use crate::api::selector::{LabelSelector, label_key_error, label_value_error};
use crate::domain::spec::violation::Violation;

/// A number within its limits.
pub fn check_number(path: impl Into<String>, number: u32, limits: Limits, violations: &mut Vec<Violation>) {
    let Limits { min, max } = limits;
    if !(min..=max).contains(&number) {
        violations.push(Violation::new(path, format!("is {number}; set it to {min} to {max}")));
    }
}

/// A text of a length within its limits.
pub fn check_length(path: impl Into<String>, text: &str, limits: Limits, violations: &mut Vec<Violation>) {
    let Limits { min, max } = limits;
    let length = text.chars().count();
    if !contains(limits, length) {
        violations.push(Violation::new(path, format!("has {length} characters; write {min} to {max}")));
    }
}

/// A list of a length within its limits.
pub fn check_count(path: impl Into<String>, count: usize, limits: Limits, violations: &mut Vec<Violation>) {
    let Limits { min, max } = limits;
    if !contains(limits, count) {
        violations.push(Violation::new(path, format!("has {count} entries; list {min} to {max}")));
    }
}

fn contains(limits: Limits, count: usize) -> bool {
    u32::try_from(count).is_ok_and(|count| (limits.min..=limits.max).contains(&count))
}

/// The entries of a list, each with a name of its own.
pub fn check_distinct<'a>(path: &str, names: impl Iterator<Item = &'a str>, violations: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !seen.insert(name) {
            violations
                .push(Violation::new(format!("{path}[{index}].name"), format!("repeats {name:?}; give each entry a name of its own")));
        }
    }
}

/// A quantity of more than nothing.
pub fn check_positive(path: impl Into<String>, quantity: &Quantity, violations: &mut Vec<Violation>) {
    if !quantity.is_positive() {
        violations.push(Violation::new(path, format!("is {quantity}; set it to more than 0")));
    }
}

/// A selector's labels: one that no object can have would match nothing, for ever and in silence.
pub fn check_selector(path: &str, selector: Option<&LabelSelector>, violations: &mut Vec<Violation>) {
    if let Some(selector) = selector {
        check_labels(&format!("{path}.matchLabels"), &selector.match_labels, violations);
    }
}

/// Labels in Kubernetes' syntax.
pub fn check_labels(path: &str, labels: &BTreeMap<String, String>, violations: &mut Vec<Violation>) {
    for (key, value) in labels {
        let problem = label_key_error(key).map(|problem| format!("is not a label's key: {problem}"));
        let problem = problem.or_else(|| label_value_error(value).map(|problem| format!("is not a label's value: {problem}")));
        violations.extend(problem.map(|problem| Violation::new(format!("{path}[{key:?}]"), problem)));
    }
}

/// Annotations with keys in Kubernetes' syntax, where upper case does not matter.
pub fn check_annotation_keys(path: &str, annotations: &BTreeMap<String, String>, violations: &mut Vec<Violation>) {
    for key in annotations.keys() {
        let problem = label_key_error(&key.to_lowercase());
        violations
            .extend(problem.map(|problem| Violation::new(format!("{path}[{key:?}]"), format!("is not an annotation's key: {problem}"))));
    }
}

/// The name of a resource that devices go by.
pub fn check_extended_resource(path: impl Into<String>, name: &str, violations: &mut Vec<Violation>) {
    if let Some(problem) = extended_resource_error(name) {
        violations.push(Violation::new(path, format!("is not a device's resource: {problem}")));
    }
}
