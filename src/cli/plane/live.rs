//! What runs now, out of an export of a control plane.

use std::collections::BTreeMap;

use serde_json::Value;

use super::composed::{RESOURCE_NAME, stripped};
use super::object_key::{ObjectKey, key_of, object_key, unknown_kind};
use super::{control_plane::ControlPlane, pipeline::is_composition};
use crate::api::{API_VERSION, GROUP, inference_environment, llm_inference_service, model_deployment, object, scaled_object};
use crate::api::{kinds::Kind, model_deployment_status::ReportedDeployment};
use crate::cli::manifests::{Manifest, is_ours};
use crate::domain::key::{Key, Part};
use crate::domain::names::FOREIGN_PLACEMENT;
use crate::structs::from_struct;

/// The kinds that the function composes for a deployment, and what another function composed for it.
const COMPOSED: [&str; 5] = [object::KIND, llm_inference_service::KIND, "ServiceAccount", scaled_object::KIND, FOREIGN_PLACEMENT];

/// What runs now.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Everything that is there.
    pub(crate) plane: ControlPlane,
    /// What cannot be used of the export, each with its place.
    pub(crate) problems: Vec<String>,
    /// What is left out of it, each with its place.
    pub(crate) warnings: Vec<String>,
}

/// Reads an export: our composite resources, what is composed for them, and Compositions. Everything else is ignored.
pub(crate) fn read_live(manifests: &[Manifest]) -> Live {
    let mut live = Live::default();
    let mut seen: BTreeMap<ObjectKey, &Manifest> = BTreeMap::new();
    let (own, others): (Vec<&Manifest>, Vec<&Manifest>) = manifests.iter().partition(|manifest| is_kept(manifest));
    for manifest in own {
        let key = object_key(manifest);
        live.unique(&mut seen, key.clone(), manifest);
        let done = live.plane.apply(key, &manifest.object);
        live.note(manifest, done);
    }
    let mut composed: BTreeMap<(ObjectKey, String), &Manifest> = BTreeMap::new();
    for manifest in others {
        let Some(name) = manifest.object.pointer("/metadata/annotations").and_then(|texts| texts.get(RESOURCE_NAME)?.as_str()) else {
            continue;
        };
        let Some(owner) = live.owner(manifest) else {
            live.warnings.push(format!("{}: belongs to no composite resource of this export and is left out", manifest.place("")));
            continue;
        };
        live.unique(&mut composed, (owner.clone(), name.to_owned()), manifest);
        let mut slim = manifest.object.clone();
        if let Some(metadata) = slim.get_mut("metadata").and_then(Value::as_object_mut) {
            // It only bloats requests.
            metadata.remove("managedFields");
        }
        let done = live.plane.compose(&owner, name, &slim);
        live.note(manifest, done);
    }
    for key in live.plane.keys_of(API_VERSION, model_deployment::KIND) {
        live.check_complete(&key, seen.get(&key).copied());
    }
    live.strip_defaults();
    live
}

/// Whether an object is kept under its own name. Other kinds of our group are composed: a ModelPlacement.
fn is_kept(manifest: &Manifest) -> bool {
    (is_ours(&manifest.api_version) && unknown_kind(manifest).is_none()) || is_composition(manifest)
}

impl Live {
    fn note(&mut self, manifest: &Manifest, done: Result<(), String>) {
        self.problems.extend(done.err().map(|problem| format!("{}: {problem}", manifest.place(""))));
    }

    /// An object may be exported twice, but not as two different ones.
    fn unique<'a, K: Ord>(&mut self, seen: &mut BTreeMap<K, &'a Manifest>, key: K, manifest: &'a Manifest) {
        let first = *seen.entry(key).or_insert(manifest);
        if first.object != manifest.object {
            let Manifest { kind, name, .. } = manifest;
            self.problems.push(format!("{}: {kind} {name} is another one at {}; keep one of them", manifest.place(""), first.place("")));
        }
    }

    /// The composite resource that an object was composed for: its controller, or the one that its label names.
    fn owner(&self, manifest: &Manifest) -> Option<ObjectKey> {
        let metadata = manifest.object.get("metadata")?;
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        let of_ours = |owner: &&Value| text(owner, "apiVersion").is_some_and(|version| version.split('/').next() == Some(GROUP));
        let owners = metadata.get("ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let owner = owners.filter(of_ours).find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
        let namespace = manifest.namespace.clone().unwrap_or_default();
        let (kind, name) = if let Some(owner) = owner {
            (text(owner, "kind")?, text(owner, "name")?)
        } else {
            let kind = if namespace.is_empty() { inference_environment::KIND } else { model_deployment::KIND };
            (kind.to_owned(), text(metadata.get("labels")?, "crossplane.io/composite")?)
        };
        let key = key_of(Kind::of(&kind)?, Some(&namespace), &name);
        let found = self.plane.object(&key);
        let uids = owner.and_then(|owner| owner.get("uid")).zip(found.pointer("/metadata/uid"));
        (found.is_object() && uids.is_none_or(|(owner, uid)| owner == uid)).then_some(key)
    }

    /// Without what was composed for it every deployment would seem to be placed anew.
    fn check_complete(&mut self, key: &ObjectKey, manifest: Option<&Manifest>) {
        let composed = self.plane.composed(key);
        let mut missing = Vec::new();
        let object = self.plane.object(key);
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        for reference in object.pointer("/spec/crossplane/resourceRefs").and_then(Value::as_array).into_iter().flatten() {
            let (kind, name) = (text(reference, "kind"), text(reference, "name"));
            let is =
                |object: &Value| object.get("kind") == reference.get("kind") && object.pointer("/metadata/name") == reference.get("name");
            if COMPOSED.contains(&kind.as_str()) && !composed.values().any(is) {
                missing.push(format!("{kind} {name}"));
            }
        }
        let status = from_struct::<ReportedDeployment>(self.plane.bytes(key)).unwrap_or_default().status;
        for item in status.placements.items {
            let serving = |held| composed.contains_key(&Key::new(&item.environment, Part::Serving(item.topology), held).to_string());
            if missing.is_empty() && !serving(true) && !serving(false) {
                missing.push(format!("what serves in {}", item.place()));
            }
        }
        if !missing.is_empty() {
            let place = manifest.map(|manifest| manifest.place("")).unwrap_or_default();
            let ObjectKey { kind, name, .. } = key;
            let missing = missing.join(", ");
            self.problems.push(format!("{place}: {kind} {name} has composed resources that are not here: {missing}; export these too"));
        }
    }

    /// Takes away what API servers added to what the function wants, so that it is no difference to it.
    fn strip_defaults(&mut self) {
        for kind in [inference_environment::KIND, model_deployment::KIND] {
            for composite in self.plane.keys_of(API_VERSION, kind) {
                let composed = self.plane.composed(&composite);
                let response = self.plane.call(&composite).unwrap_or_default().response;
                for (key, resource) in response.desired.iter().flat_map(|state| &state.resources) {
                    let desired: Value = from_struct(resource.resource.as_deref().unwrap_or_default()).unwrap_or_default();
                    if let Some(object) = composed.get(key) {
                        // What was read can be written.
                        _ = self.plane.compose(&composite, key, &stripped(object, &desired));
                    }
                }
            }
        }
    }
}
