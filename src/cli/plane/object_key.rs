//! By what a control plane knows an object, and where it keeps what people write.

use std::fmt;

use crate::api::API_VERSION;
use crate::api::kinds::Kind;
use crate::cli::manifests::{Manifest, meant_kind};
use crate::domain::spec::violation::Violation;
use serde_json::Value;

use serde::Serialize;

/// Identifies an object. It prints as `Kind name` or `Kind namespace/name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct ObjectKey {
    #[serde(skip)]
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// Empty where the kind has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ObjectKey {
    /// `name` or `namespace/name`.
    pub(crate) fn full_name(&self) -> String {
        let Self { namespace, name, .. } = self;
        if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.full_name())
    }
}

/// The key of an object. Of kinds that have a namespace it is in `default` where nothing is said, as with kubectl.
pub(crate) fn key_of(kind: &Kind, namespace: Option<&str>, name: &str) -> ObjectKey {
    let namespace = if kind.namespaced { namespace.unwrap_or("default") } else { "" };
    ObjectKey { api_version: API_VERSION.to_owned(), kind: kind.name.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
}

/// What is wrong with an object of our group that nothing would ever look at.
pub(crate) fn unknown_kind(manifest: &Manifest) -> Option<Violation> {
    wrong_version(manifest).or_else(|| wrong_kind(manifest))
}

/// A version that nothing would ever look at, or another group that was meant to be ours.
pub(crate) fn wrong_version(manifest: &Manifest) -> Option<Violation> {
    let written = &manifest.api_version;
    (written != API_VERSION).then(|| Violation::new("apiVersion", format!("is {written:?}; write {API_VERSION}")))
}

/// A kind that our group does not have.
pub(crate) fn wrong_kind(manifest: &Manifest) -> Option<Violation> {
    let kind = &manifest.kind;
    let message = match meant_kind(kind) {
        _ if Kind::of(kind).is_some() => return None,
        Some(meant) => format!("is {kind:?}; did you mean {meant}?"),
        None => format!("is {kind:?}; write ClusterModel, Model, InferenceEnvironment, ModelDeployment"),
    };
    Some(Violation::new("kind", message))
}

/// Where an object is kept.
pub(crate) fn object_key(manifest: &Manifest) -> ObjectKey {
    let Manifest { api_version, kind, namespace, name, .. } = manifest;
    let key = match Kind::of(kind) {
        Some(known) => key_of(known, namespace.as_deref(), name),
        None => ObjectKey { kind: kind.clone(), name: name.clone(), ..ObjectKey::default() },
    };
    ObjectKey { api_version: api_version.clone(), ..key }
}

/// An object as a control plane keeps it: with the namespace that it is in where nothing is said.
pub(crate) fn stored(manifest: &Manifest) -> Value {
    let mut object = manifest.object.clone();
    let namespace = object_key(manifest).namespace;
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut)
        && !namespace.is_empty()
    {
        metadata.insert("namespace".to_owned(), Value::String(namespace));
    }
    object
}
