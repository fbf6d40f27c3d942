//! The composed resources that exist, read as far as anything is decided on them.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{proto::RunFunctionRequest, request::Conditioned};
use crate::api::llm_inference_service::RequestedService;
use crate::api::metadata::{Header, Metadata};
use crate::api::object::{ObservedObject, ObservedObjectStatus};
use crate::api::{llm_inference_service, object, scaled_object};
use crate::compose::observed::{Identity, Observed, ObservedResource};
use crate::domain::key::{Key, Part};
use crate::domain::names::{ENVIRONMENT_LABEL, FOREIGN_PLACEMENT, OUR_PREFIX, PLACEMENT_ANNOTATION};
use crate::structs::{StructError, from_struct};

/// Any composed resource, but for its status.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct AnyResource {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Value,
    secrets: Value,
}

/// An Object, of which only what it holds is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Holder<M: Default> {
    spec: HolderSpec<M>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HolderSpec<M: Default> {
    for_provider: HolderParameters<M>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HolderParameters<M: Default> {
    manifest: M,
}

/// What something is, and no more of it, because nobody checks what an Object holds.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Held {
    api_version: String,
    kind: String,
}

/// A serving object, of which only is read what it asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Requesting {
    spec: RequestedService,
}

/// Reads what exists of a ModelDeployment.
///
/// # Errors
/// A composed resource of ours, or one that might be left to be deleted, that cannot be read: nothing may be decided on
/// a guess.
pub(crate) fn read_observed(request: &RunFunctionRequest) -> Result<Observed, String> {
    let mut observed = Observed::default();
    for (text, bytes) in composed(request) {
        match Key::parse(text) {
            Some(key) if is_ours(&key, &read_header(text, bytes)?) => {
                let resource = read_resource(&key, bytes).map_err(|error| unreadable(text, &error))?;
                observed.resources.insert(key, resource);
            }
            _ => observed.foreign.extend(foreign(request, text, bytes)?.filter(|(_, serving)| *serving).map(|(name, _)| name)),
        }
    }
    Ok(observed)
}

/// AnyResource resources that exist, are not under `our_key`, and that no earlier step wants.
///
/// # Errors
/// One of them that cannot be read.
pub(crate) fn foreign_resources(request: &RunFunctionRequest, our_key: &str) -> Result<Vec<String>, String> {
    let others = composed(request).filter(|(key, _)| *key != our_key);
    let found = others.filter_map(|(key, bytes)| foreign(request, key, bytes).transpose());
    found.map(|found| found.map(|(name, _)| name)).collect()
}

fn composed(request: &RunFunctionRequest) -> impl Iterator<Item = (&str, &[u8])> {
    let resources = request.observed.iter().flat_map(|state| &state.resources);
    resources.map(|(key, resource)| (key.as_str(), resource.resource.as_deref().unwrap_or_default()))
}

/// Says what a resource is, or that nobody knows.
fn read_header(key: &str, bytes: &[u8]) -> Result<Header, String> {
    match from_struct::<Header>(bytes) {
        Ok(header) if header.kind.is_empty() => Err(unreadable(key, &"kind: is missing")),
        read => read.map_err(|error| unreadable(key, &error)),
    }
}

fn unreadable(key: &str, what: &dyn Display) -> String {
    format!("cannot read composed resource {key}: {what}")
}

/// A resource that no earlier step wants, as `key (kind name)`, and whether it serves a model.
fn foreign(request: &RunFunctionRequest, key: &str, bytes: &[u8]) -> Result<Option<(String, bool)>, String> {
    if request.desired.as_ref().is_some_and(|desired| desired.resources.contains_key(key)) {
        return Ok(None);
    }
    let Header { api_version, kind, metadata } = read_header(key, bytes)?;
    let held = from_struct::<Holder<Held>>(bytes).unwrap_or_default().spec.for_provider.manifest;
    let holds_service = kind == object::KIND && is_service(&held.api_version, &held.kind);
    let serving = kind == FOREIGN_PLACEMENT || is_service(&api_version, &kind) || holds_service;
    Ok(Some((format!("{key} ({kind} {})", metadata.name), serving)))
}

fn is_service(api_version: &str, kind: &str) -> bool {
    kind == llm_inference_service::KIND && api_version.starts_with(llm_inference_service::GROUP)
}

/// Whether a resource under one of our keys is of the kind we give it.
fn is_ours(key: &Key, header: &Header) -> bool {
    match key.part {
        _ if key.held => header.kind == object::KIND,
        Part::Serving(_) => is_service(&header.api_version, &header.kind),
        Part::ServiceAccount => header.kind == "ServiceAccount",
        Part::Autoscaler => header.kind == scaled_object::KIND,
        Part::Namespace | Part::Token | Part::StorageSecret => false,
    }
}

/// Reads a resource under a key of ours.
///
/// # Errors
/// Its header, spec or metadata cannot be read.
pub(crate) fn read_resource(key: &Key, bytes: &[u8]) -> Result<ObservedResource, StructError> {
    let composed: AnyResource = from_struct(bytes)?;
    let own = || identity(&composed.metadata.namespace, &composed.metadata.name);
    let identity = if key.held { held_identity(&composed.spec).filter(|_| key.part != Part::Namespace) } else { Some(own()) };
    let seen = read_seen(key, bytes, &composed.metadata);
    Ok(ObservedResource { frozen: frozen(composed), identity, ..seen })
}

/// The same, but for what is needed to leave it as it is: of an object of others nothing else is kept.
pub(crate) fn read_seen(key: &Key, bytes: &[u8], metadata: &Metadata) -> ObservedResource {
    let annotation = metadata.annotations.get(PLACEMENT_ANNOTATION);
    let (service, conditions) = match key.part {
        Part::Serving(_) if key.held => {
            let ObservedObjectStatus { conditions, at_provider } = from_struct::<ObservedObject>(bytes).unwrap_or_default().status;
            (at_provider.manifest, conditions)
        }
        // A report that cannot be read is none: it says nothing of being ready, and it must not stop everything else.
        Part::Serving(_) => (Some(from_struct(bytes).unwrap_or_default()), Vec::new()),
        // Only the conditions: what the provider sees of a Secret must not be read.
        Part::Namespace | Part::ServiceAccount | Part::Token | Part::StorageSecret | Part::Autoscaler => {
            (None, from_struct::<Conditioned>(bytes).unwrap_or_default().status.conditions)
        }
    };
    // What a serving object asks for; nothing where it cannot be read.
    let requested = match key.part {
        Part::Serving(_) if key.held => from_struct::<Holder<Requesting>>(bytes).unwrap_or_default().spec.for_provider.manifest.spec,
        Part::Serving(_) => from_struct::<Requesting>(bytes).unwrap_or_default().spec,
        Part::Namespace | Part::ServiceAccount | Part::Token | Part::StorageSecret | Part::Autoscaler => RequestedService::default(),
    };
    ObservedResource {
        deleting: metadata.deletion_timestamp.is_some(),
        uid: metadata.uid.clone(),
        environment: metadata.labels.get(ENVIRONMENT_LABEL).cloned(),
        record: annotation.and_then(|text| serde_json::from_str(text).ok()),
        requested,
        service,
        conditions,
        ..ObservedResource::default()
    }
}

fn identity(namespace: &str, name: &str) -> Identity {
    Identity { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn held_identity(spec: &Value) -> Option<Identity> {
    let metadata = spec.pointer("/forProvider/manifest/metadata")?;
    let text = |field: &str| metadata.get(field).and_then(Value::as_str);
    Some(identity(text("namespace").unwrap_or_default(), text("name")?))
}

/// What is emitted to leave an object as it is: never the rest of its metadata, which could not be applied, nor its status.
fn frozen(composed: AnyResource) -> Value {
    let ours = |texts: BTreeMap<String, String>| -> Map<String, Value> {
        texts.into_iter().filter(|(key, _)| key.starts_with(OUR_PREFIX)).map(|(key, text)| (key, Value::String(text))).collect()
    };
    let AnyResource { api_version, kind, metadata, spec, secrets } = composed;
    let mut body = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": metadata.name}});
    for (pointer, field, value) in [
        ("/metadata", "namespace", Some(Value::String(metadata.namespace)).filter(|namespace| *namespace != "")),
        ("/metadata", "labels", Some(ours(metadata.labels)).filter(|labels| !labels.is_empty()).map(Value::Object)),
        ("/metadata", "annotations", Some(ours(metadata.annotations)).filter(|texts| !texts.is_empty()).map(Value::Object)),
        ("", "spec", Some(spec).filter(|spec| !spec.is_null())),
        ("", "secrets", Some(secrets).filter(|secrets| !secrets.is_null())),
    ] {
        if let (Some(Value::Object(parent)), Some(value)) = (body.pointer_mut(pointer), value) {
            parent.insert(field.to_owned(), value);
        }
    }
    body
}
