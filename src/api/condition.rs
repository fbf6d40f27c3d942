//! A status condition, as Kubernetes, Crossplane and KServe write it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::absent::null_is_default;

/// One condition of an object's status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, as one word.
    #[serde(default, deserialize_with = "null_is_default")]
    pub reason: String,
    /// Why, as a sentence.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message: String,
    /// The generation it was seen for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// Whether the status is `True`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

/// The condition of a type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}
