//! What somebody is about to do to a control plane: manifests to apply, objects to delete.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::ownership::Applied;
use crate::api::API_VERSION;
use crate::api::kinds::{KINDS, Kind};
use crate::cli::manifests::{Manifest, is_ours};
use crate::cli::plane::object_key::{ObjectKey, key_of, object_key, unknown_kind};
use crate::cli::plane::{control_plane::ControlPlane, pipeline::is_composition};

/// An object to delete, as people name it: `KIND/NAME` or `KIND/NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(ObjectKey);

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, name] => (*kind, None, *name),
            [kind, namespace, name] => (*kind, Some(*namespace), *name),
            _ => return Err("write KIND/NAME, or KIND/NAMESPACE/NAME".to_owned()),
        };
        let Some(known) = Kind::meant(kind) else {
            let known = KINDS.map(|known| known.plural).join(", ");
            return Err(format!("there is no kind {kind:?}; write one of {known}"));
        };
        if name.is_empty() || namespace.is_some_and(str::is_empty) {
            return Err("the name is missing: write KIND/NAME, or KIND/NAMESPACE/NAME".to_owned());
        }
        let key = key_of(known, namespace, name);
        if key.namespace.is_empty() && namespace.is_some() {
            return Err(format!("{} has no namespace: write KIND/NAME", known.name));
        }
        Ok(Self(key))
    }
}

/// What is done to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action {
    /// It is new.
    Created,
    /// It becomes another.
    Changed,
    /// It stays what it is.
    Unchanged,
    /// It goes.
    Deleted,
}

/// What is done to one object, and where that is written.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    /// The object.
    pub(crate) key: ObjectKey,
    /// What is done.
    pub(crate) action: Action,
    /// The manifest; `None` for what is deleted.
    pub(crate) manifest: Option<&'a Manifest>,
}

/// All that is done, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct ChangeSet<'a> {
    /// What is done to each object, in their order.
    pub(crate) edits: Vec<Edit<'a>>,
    /// What cannot be done.
    pub(crate) problems: Vec<String>,
    /// What is left out, each with its place.
    pub(crate) warnings: Vec<String>,
}

/// Applies manifests, then deletes objects.
pub(crate) fn make_changes<'a>(plane: &mut ControlPlane, manifests: &'a [Manifest], deletions: &[Target]) -> ChangeSet<'a> {
    let mut made = ChangeSet::default();
    let mut wanted: BTreeMap<ObjectKey, Option<&'a Manifest>> = BTreeMap::new();
    for manifest in manifests {
        if !is_ours(&manifest.api_version) && !is_composition(manifest) {
            let Manifest { kind, name, .. } = manifest;
            made.warnings.push(format!("{}: {kind} {name} is left out: it is not of {API_VERSION}", manifest.place("")));
            continue;
        }
        if let Some(violation) = unknown_kind(manifest).filter(|_| is_ours(&manifest.api_version)) {
            made.problems.push(format!("{}: {violation}", manifest.place(&violation.path)));
            continue;
        }
        if let Some(Some(first)) = wanted.insert(object_key(manifest), Some(manifest)) {
            made.problems.push(format!("{}: repeats the {} of {}", manifest.place(""), manifest.kind, first.place("")));
        }
    }
    for Target(key) in deletions {
        if let Some(Some(manifest)) = wanted.insert(key.clone(), None) {
            made.problems.push(format!("{}: {} is to be changed and deleted; do one of both", manifest.place(""), key));
        }
        if plane.bytes(key).is_empty() {
            made.problems.push(format!("--delete: {} does not exist{}", key, elsewhere(plane, key)));
        }
    }
    if wanted.is_empty() && made.problems.is_empty() {
        made.problems.push(format!("no object of {API_VERSION} to apply or delete: there is no change"));
    }
    for (key, manifest) in wanted {
        let live = plane.object(&key);
        let action = match manifest {
            None => {
                plane.delete(&key);
                Action::Deleted
            }
            Some(manifest) => {
                let (merged, kept) = merged(&live, &manifest.object, &key);
                if !kept.is_empty() {
                    made.warnings.push(format!(
                        "{}: {} keeps {}, which is not written here: whose it is the export does not tell; export with --show-managed-fields",
                        manifest.place("metadata"),
                        key,
                        kept.join(", ")
                    ));
                }
                let done = plane.apply(key.clone(), &merged);
                made.problems.extend(done.err().map(|problem| format!("{}: {problem}", manifest.place(""))));
                if live.is_null() {
                    Action::Created
                } else if live == merged {
                    Action::Unchanged
                } else {
                    Action::Changed
                }
            }
        };
        made.edits.push(Edit { key, action, manifest });
    }
    made
}

/// The same name in another namespace.
fn elsewhere(plane: &ControlPlane, key: &ObjectKey) -> String {
    let found = plane.keys_of(&key.api_version, &key.kind).into_iter().find(|other| other.name == key.name);
    found.map(|other| format!("; did you mean {}/{}/{}?", other.kind.to_lowercase(), other.namespace, other.name)).unwrap_or_default()
}

/// The object after it is applied, where what only the control plane writes stays as it is; and what stays of its labels and annotations
/// only because nobody knows whose it is.
fn merged(live: &Value, edited: &Value, key: &ObjectKey) -> (Value, Vec<String>) {
    let (mut object, mut unsure) = (edited.clone(), Vec::new());
    let Some(fields) = object.as_object_mut() else { return (object, unsure) };
    fields.remove("status");
    fields.extend(live.get("status").map(|status| ("status".to_owned(), status.clone())));
    if let Some(crossplane) = live.pointer("/spec/crossplane")
        && let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.entry("crossplane").or_insert_with(|| crossplane.clone());
    }
    let Some(written) = fields.get_mut("metadata").and_then(Value::as_object_mut) else { return (object, unsure) };
    let mut metadata = live.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    let applied = Applied::of(&metadata);
    for field in ["labels", "annotations"] {
        let texts = |metadata: &Map<String, Value>| metadata.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
        let (mut kept, written) = (texts(&metadata), texts(written));
        kept.retain(|key, _| !written.contains_key(key) && !applied.takes_away(field, key));
        if matches!(applied, Applied::Unknown) {
            // Crossplane's own nobody applies.
            unsure.extend(kept.keys().filter(|key| !key.contains("crossplane.io/")).map(|key| format!("metadata.{field}[{key:?}]")));
        }
        kept.extend(written);
        metadata.remove(field);
        if !kept.is_empty() {
            metadata.insert(field.to_owned(), Value::Object(kept));
        }
    }
    metadata.insert("name".to_owned(), Value::String(key.name.clone()));
    if !key.namespace.is_empty() {
        metadata.insert("namespace".to_owned(), Value::String(key.namespace.clone()));
    }
    *written = metadata;
    (object, unsure)
}
