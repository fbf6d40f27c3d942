//! The kinds that people write: how each is named, and where its objects are kept.

use serde_json::Value;

use crate::api::model_deployment::ModelKind;
use crate::api::{API_VERSION, GROUP, inference_environment, model_deployment};
use crate::cli::manifests::Manifest;
use crate::cli::plane::object_key::ObjectKey;
use crate::domain::spec::violation::Violation;
use crate::structs::closest;

/// A kind that people write.
pub(crate) struct Kind {
    /// As manifests have it.
    pub(crate) name: &'static str,
    /// As its resource is called.
    pub(crate) plural: &'static str,
    /// Its abbreviation; empty where it has none.
    short: &'static str,
    namespaced: bool,
}

/// All of them.
pub(crate) const KINDS: [Kind; 4] = [
    Kind { name: model_deployment::KIND, plural: "modeldeployments", short: "md", namespaced: true },
    Kind { name: inference_environment::KIND, plural: "inferenceenvironments", short: "ie", namespaced: false },
    Kind { name: ModelKind::ClusterModel.as_str(), plural: "clustermodels", short: "cm", namespaced: false },
    Kind { name: ModelKind::Model.as_str(), plural: "models", short: "", namespaced: true },
];

impl Kind {
    /// What people mean by a word on a command line: the kind, its plural or its abbreviation, in any case, with the group or without.
    pub(crate) fn meant(word: &str) -> Option<&'static Self> {
        let word = word.to_lowercase();
        let word = word.strip_suffix(&format!(".{GROUP}")).unwrap_or(&word);
        KINDS.iter().find(|kind| !word.is_empty() && [&*kind.name.to_lowercase(), kind.plural, kind.short].contains(&word))
    }

    /// The kind of that name.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The key of an object. Of kinds that have a namespace it is in `default` where nothing is said, as with kubectl.
    pub(crate) fn key(&self, namespace: Option<&str>, name: &str) -> ObjectKey {
        let namespace = if self.namespaced { namespace.unwrap_or("default") } else { "" };
        ObjectKey {
            api_version: API_VERSION.to_owned(),
            kind: self.name.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What is wrong with an object of our group that nothing would ever look at.
pub(crate) fn unknown_kind(manifest: &Manifest) -> Option<Violation> {
    let Manifest { api_version, kind, .. } = manifest;
    if api_version != API_VERSION {
        return Some(Violation::new("apiVersion", format!("is {api_version:?}; write {API_VERSION}")));
    }
    let message = match closest(kind, &KINDS.map(|known| known.name)) {
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
        Some(known) => known.key(namespace.as_deref(), name),
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
