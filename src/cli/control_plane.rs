//! What a control plane does around the function, on manifests: it keeps objects, fetches what the function requires, calls
//! again until that no longer changes, and writes the status back.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::function::proto::resource_selector::Match;
use crate::function::proto::{Resource, ResourceSelector, Resources, RunFunctionRequest, RunFunctionResponse, State};
use crate::function::structs::{from_struct, to_struct};
use crate::function::{Report, run};

/// Crossplane gives up after so many calls.
const MAX_CALLS: usize = 6;

/// Identifies an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectKey {
    /// Group and version.
    pub(crate) api_version: String,
    /// Kind.
    pub(crate) kind: String,
    /// Namespace; empty where the kind has none.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

/// A call of the function.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// What it was asked.
    pub(crate) request: RunFunctionRequest,
    /// What it answered.
    pub(crate) response: RunFunctionResponse,
    /// What it did.
    pub(crate) report: Report,
}

/// The objects of a control plane, as bytes on the wire.
#[derive(Debug, Default)]
pub(crate) struct ControlPlane {
    objects: BTreeMap<ObjectKey, Bytes>,
}

impl ControlPlane {
    /// Adds an object.
    ///
    /// # Errors
    /// The object cannot be sent to a function.
    pub(crate) fn apply(&mut self, key: ObjectKey, object: &Value) -> Result<(), String> {
        let bytes = to_struct(object).map_err(|error| error.to_string())?;
        self.objects.insert(key, bytes);
        Ok(())
    }

    /// The keys of all objects of a kind, in order.
    pub(crate) fn keys_of(&self, api_version: &str, kind: &str) -> Vec<ObjectKey> {
        self.objects.keys().filter(|key| key.api_version == api_version && key.kind == kind).cloned().collect()
    }

    /// An object's bytes; empty when it does not exist.
    pub(crate) fn bytes(&self, key: &ObjectKey) -> &[u8] {
        self.objects.get(key).map(Bytes::as_ref).unwrap_or_default()
    }

    /// Reconciles a composite resource once, and keeps the status that comes of it. Returns the last call.
    ///
    /// # Errors
    /// The object does not exist, or its status cannot be kept.
    pub(crate) fn reconcile(&mut self, key: &ObjectKey) -> Result<Call, String> {
        let object = self.objects.get(key).ok_or_else(|| format!("{} {} does not exist", key.kind, key.name))?.clone();
        let composite = Resource { resource: Some(object.clone()), ..Resource::default() };
        let observed = State { composite: Some(composite), ..State::default() };
        let mut request = RunFunctionRequest { observed: Some(observed), ..RunFunctionRequest::default() };
        let (mut response, mut report) = run(&request);
        for _ in 1..MAX_CALLS {
            let required = response.requirements.clone().unwrap_or_default().resources;
            request.required_resources = required.iter().map(|(key, selector)| (key.clone(), self.select(selector))).collect();
            let before = response.requirements;
            (response, report) = run(&request);
            if response.requirements == before {
                break;
            }
        }
        self.keep_status(key, &object, &response)?;
        Ok(Call { request, response, report })
    }

    fn select(&self, selector: &ResourceSelector) -> Resources {
        let found = self.objects.iter().filter(|(key, object)| {
            let named = match &selector.r#match {
                Some(Match::MatchName(name)) => key.name == *name,
                Some(Match::MatchLabels(labels)) => labels.labels.is_empty() || has_labels(object, &labels.labels),
                None => false,
            };
            let everywhere = matches!(selector.r#match, Some(Match::MatchLabels(_))) && selector.namespace.is_none();
            named
                && key.api_version == selector.api_version
                && key.kind == selector.kind
                && (everywhere || key.namespace == selector.namespace.clone().unwrap_or_default())
        });
        Resources { items: found.map(|(_, object)| Resource { resource: Some(object.clone()), ..Resource::default() }).collect() }
    }

    /// Writes the desired status, and the conditions, into the object.
    fn keep_status(&mut self, key: &ObjectKey, object: &Bytes, response: &RunFunctionResponse) -> Result<(), String> {
        let desired = response.desired.as_ref().and_then(|state| state.composite.as_ref()?.resource.as_ref());
        let Some(desired) = desired else { return Ok(()) };
        let mut object: Value = from_struct(object).map_err(|error| error.to_string())?;
        let desired: Value = from_struct(desired).map_err(|error| error.to_string())?;
        if let (Some(object), Some(status)) = (object.as_object_mut(), desired.get("status")) {
            object.insert("status".to_owned(), status.clone());
        }
        self.apply(key.clone(), &object)
    }
}

fn has_labels(object: &Bytes, wanted: &BTreeMap<String, String>) -> bool {
    let object: Value = from_struct(object).unwrap_or_else(|_| json!({}));
    wanted.iter().all(|(key, value)| object.pointer("/metadata/labels").and_then(|labels| labels.get(key)) == Some(&json!(value)))
}
