//! A status condition, as Kubernetes, Crossplane and KServe write it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::absent::null_is_default;

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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

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
    pub fn is_true(&self) -> bool {
        self.status == Status::True.as_str()
    }

    /// Whether the status is `False`.
    pub fn is_false(&self) -> bool {
        self.status == Status::False.as_str()
    }
}

/// The condition of a type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}
