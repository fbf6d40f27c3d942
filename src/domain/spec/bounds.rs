//! Numbers, texts and lists within their limits, and texts in Kubernetes' syntax: what the schemas ask for, asked again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::at::At;
use crate::api::selector::{LabelSelector, label_key_error, label_value_error};
use crate::api::{limits::Limits, quantity::Quantity, resource_name::extended_resource_error};
use crate::domain::engine::template_text::serialized_holds_template;
use crate::domain::names::{label_name_error, object_name_error};

impl At<'_> {
    /// A number within its limits.
    pub fn check_number(&mut self, number: u32, limits: Limits) {
        let Limits { min, max } = limits;
        if !(min..=max).contains(&number) {
            self.refuse(format!("is {number}; set it to {min} to {max}"));
        }
    }

    /// A text of a length within its limits.
    pub fn check_length(&mut self, text: &str, limits: Limits) {
        let Limits { min, max } = limits;
        let length = text.chars().count();
        if !contains(limits, length) {
            self.refuse(format!("has {length} characters; write {min} to {max}"));
        }
    }

    /// A list of a length within its limits.
    pub fn check_count(&mut self, count: usize, limits: Limits) {
        let Limits { min, max } = limits;
        if !contains(limits, count) {
            self.refuse(format!("has {count} entries; list {min} to {max}"));
        }
    }

    /// The entries of a list, each with a name of its own.
    pub fn check_distinct<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.index(index).child("name").refuse(format!("repeats {name:?}; give each entry a name of its own"));
            }
        }
    }

    /// A quantity of more than nothing.
    pub fn check_positive(&mut self, quantity: &Quantity) {
        if !quantity.is_positive() {
            self.refuse(format!("is {quantity}; set it to more than 0"));
        }
    }

    /// A selector's labels: one that no object can have would match nothing, for ever and in silence.
    pub fn check_selector(&mut self, selector: Option<&LabelSelector>) {
        if let Some(selector) = selector {
            self.child("matchLabels").check_labels(&selector.match_labels);
        }
    }

    /// Labels in Kubernetes' syntax.
    pub fn check_labels(&mut self, labels: &BTreeMap<String, String>) {
        for (key, value) in labels {
            let problem = label_key_error(key).map(|problem| format!("is not a label's key: {problem}"));
            let problem = problem.or_else(|| label_value_error(value).map(|problem| format!("is not a label's value: {problem}")));
            if let Some(problem) = problem {
                self.key(key).refuse(problem);
            }
        }
    }

    /// Annotations with keys in Kubernetes' syntax, where upper case does not matter.
    pub fn check_annotation_keys(&mut self, annotations: &BTreeMap<String, String>) {
        for key in annotations.keys() {
            if let Some(problem) = label_key_error(&key.to_lowercase()) {
                self.key(key).refuse(format!("is not an annotation's key: {problem}"));
            }
        }
    }

    /// The name of a resource that devices go by.
    pub fn check_extended_resource(&mut self, name: &str) {
        if let Some(problem) = extended_resource_error(name) {
            self.refuse(format!("is not a device's resource: {problem}"));
        }
    }

    /// The name of a namespace, a container, a volume or a claim.
    pub fn check_label_name(&mut self, name: &str) {
        if let Some(problem) = label_name_error(name) {
            self.refuse(problem);
        }
    }

    /// The name of an object, such as a Secret or a PriorityClass.
    pub fn check_object_name(&mut self, name: &str) {
        if let Some(problem) = object_name_error(name) {
            self.refuse(problem);
        }
    }

    /// One of a few words.
    pub fn check_word(&mut self, word: &str, words: &[&str]) {
        if !words.contains(&word) {
            let last = words.last().copied().unwrap_or_default();
            let before = words.get(..words.len().saturating_sub(1)).unwrap_or_default().join(", ");
            let choice = if before.is_empty() { last.to_owned() } else { format!("{before} or {last}") };
            self.refuse(format!("is {word:?}; write {choice}"));
        }
    }

    /// A value of which no text holds what starts an action in a Go template.
    pub fn check_template(&mut self, value: &impl Serialize) {
        if serialized_holds_template(value) {
            self.refuse_text("holds \"{{\", which KServe takes for a template of its own; only an engine's arguments may hold it");
        }
    }
}

fn contains(limits: Limits, count: usize) -> bool {
    u32::try_from(count).is_ok_and(|count| (limits.min..=limits.max).contains(&count))
}
