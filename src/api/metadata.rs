//! The part of an object's metadata that the function reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::absent::null_is_default;

/// What is read of an object before anything else is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Header {
    /// Group and version.
    #[serde(deserialize_with = "null_is_default")]
    pub api_version: String,
    /// Kind.
    #[serde(deserialize_with = "null_is_default")]
    pub kind: String,
    /// Metadata.
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Metadata,
}

/// Object metadata. The rest, `managedFields` above all, is skipped without being decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Namespace; empty where the kind is cluster scoped.
    #[serde(deserialize_with = "null_is_default")]
    pub namespace: String,
    /// Labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// Identifies the object among all that were ever there.
    pub uid: Option<String>,
    /// Who it belongs to.
    #[serde(deserialize_with = "null_is_default")]
    pub owner_references: Vec<OwnerReference>,
    /// Counts the changes of the spec.
    pub generation: Option<i64>,
    /// RFC 3339; sorts as text because the API server always writes UTC.
    pub creation_timestamp: Option<String>,
    /// Set once the object is being deleted.
    pub deletion_timestamp: Option<String>,
}

/// The annotation by which Crossplane and its providers leave an object alone.
const PAUSED_ANNOTATION: &str = "crossplane.io/paused";

impl Metadata {
    /// Whether Crossplane and its providers leave the object alone.
    pub fn is_paused(&self) -> bool {
        self.annotations.get(PAUSED_ANNOTATION).is_some_and(|paused| paused == "true")
    }
}

/// Who an object belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// The owner's group and version.
    #[serde(deserialize_with = "null_is_default")]
    pub api_version: String,
    /// Its kind.
    #[serde(deserialize_with = "null_is_default")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Its uid.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: String,
    /// Whether it is the one that the object was made by.
    #[serde(deserialize_with = "null_is_default")]
    pub controller: bool,
}

/// The metadata that the function writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewMetadata {
    /// Name; without one Crossplane generates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
