//! Label selectors, and Kubernetes' syntax of labels.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::absent::null_is_default;

/// Labels that something must carry. An empty selector matches everything.
///
/// A field besides `matchLabels` is an error: overlooking a `matchExpressions` would place models where they must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = open_object)]
pub struct LabelSelector {
    /// The labels, each with the value it must have. Absent and `null` mean none.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// A label that is not as a selector wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch<'a> {
    /// The label's key.
    pub key: &'a str,
    /// The value the selector wants.
    pub wanted: &'a str,
    /// The value there is; `None` when there is no such label.
    pub actual: Option<&'a str>,
}

impl LabelSelector {
    /// Whether `labels` has every label wanted, with the value wanted.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, wanted)| labels.get(key) == Some(wanted))
    }

    /// What keeps `labels` from matching, sorted by key; empty exactly when they match.
    pub fn missing<'a>(&'a self, labels: &'a BTreeMap<String, String>) -> Vec<Mismatch<'a>> {
        self.match_labels
            .iter()
            .map(|(key, wanted)| Mismatch { key, wanted, actual: labels.get(key).map(String::as_str) })
            .filter(|label| label.actual != Some(label.wanted))
            .collect()
    }
}

/// Kubernetes refuses a schema with `additionalProperties: false`.
fn open_object(schema: &mut Schema) {
    schema.remove("additionalProperties");
}

/// Says what is wrong with a label's key, or nothing: `[prefix/]name`, as Kubernetes has it.
pub fn label_key_error(key: &str) -> Option<&'static str> {
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) => {
            if prefix.len() > 253 {
                return Some("the prefix before '/' may have at most 253 characters");
            }
            if !is_dns_subdomain(prefix) {
                return Some("the prefix before '/' must be a DNS name: lower case letters, digits, '-' and '.', as in \"example.com\"");
            }
            name
        }
    };
    match name {
        "" => Some("the name must not be empty"),
        _ if name.len() > 63 => Some("the name may have at most 63 characters"),
        _ if !is_label_text(name) => {
            Some("the name may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit")
        }
        _ => None,
    }
}

/// Says what is wrong with a label's value, or nothing: empty is fine, as Kubernetes has it.
pub fn label_value_error(value: &str) -> Option<&'static str> {
    match value {
        "" => None,
        _ if value.len() > 63 => Some("the value may have at most 63 characters"),
        _ if !is_label_text(value) => {
            Some("the value may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit")
        }
        _ => None,
    }
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_label_text(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    edge(text.bytes().next())
        && edge(text.bytes().next_back())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Parts of lower case letters, digits and inner dashes, joined by points. The length is not looked at.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}
