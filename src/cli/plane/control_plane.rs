//! What a control plane does around the function, on manifests: it keeps objects, fetches what the function requires, calls
//! again until that no longer changes, and writes the status back.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::api::API_VERSION;
use crate::api::metadata::Header;
use crate::cli::plane::composed::applied;
use crate::cli::plane::conversation::{Call, converse};
use crate::cli::plane::object_key::ObjectKey;
use crate::cli::plane::pipeline::{COMPOSITION, our_input};
use crate::domain::key::Key;
use crate::function::proto::resource_selector::Match;
use crate::function::proto::{Condition, Resource, ResourceSelector, Resources, RunFunctionRequest, RunFunctionResponse, State, Status};
use crate::function::run;
use crate::structs::{from_struct, to_struct};

/// The objects of a control plane, as bytes on the wire.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ControlPlane {
    objects: BTreeMap<ObjectKey, Bytes>,
    /// What each composite resource has, by resource key.
    composed: BTreeMap<ObjectKey, BTreeMap<String, Composed>>,
}

/// A composed resource, and what it is found by: read once, because every call looks for some among all.
#[derive(Debug, Clone, Default, PartialEq)]
struct Composed {
    object: Bytes,
    header: Header,
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

    /// Takes an object away, and what was composed for it.
    pub(crate) fn delete(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
        self.composed.remove(key);
    }

    /// Adds a composed resource of a composite resource.
    ///
    /// # Errors
    /// The object cannot be sent to a function.
    pub(crate) fn compose(&mut self, composite: &ObjectKey, key: &str, object: &Value) -> Result<(), String> {
        let object = to_struct(object).map_err(|error| error.to_string())?;
        let header = from_struct(&object).unwrap_or_default();
        self.composed.entry(composite.clone()).or_default().insert(key.to_owned(), Composed { object, header });
        Ok(())
    }

    /// The composed resources of a composite resource.
    pub(crate) fn composed(&self, composite: &ObjectKey) -> BTreeMap<String, Value> {
        let resources = self.composed.get(composite).into_iter().flatten();
        resources.map(|(key, composed)| (key.clone(), from_struct(&composed.object).unwrap_or_default())).collect()
    }

    /// An object; null when it does not exist.
    pub(crate) fn object(&self, key: &ObjectKey) -> Value {
        self.objects.get(key).and_then(|bytes| from_struct(bytes).ok()).unwrap_or_default()
    }

    /// The keys of all objects of a kind, in order.
    pub(crate) fn keys_of(&self, api_version: &str, kind: &str) -> Vec<ObjectKey> {
        self.objects.keys().filter(|key| key.api_version == api_version && key.kind == kind).cloned().collect()
    }

    /// An object's bytes; empty when it does not exist.
    pub(crate) fn bytes(&self, key: &ObjectKey) -> &[u8] {
        self.objects.get(key).map(Bytes::as_ref).unwrap_or_default()
    }

    /// Reconciles a composite resource once, and keeps what comes of it: its status, and what it composes. Returns the last call.
    ///
    /// # Errors
    /// The object does not exist, or what comes of it cannot be kept.
    pub(crate) fn reconcile(&mut self, key: &ObjectKey) -> Result<Call, String> {
        let call = self.call(key)?;
        self.keep_status(key, &call.response)?;
        if call.report.message.is_none() {
            self.keep_composed(key, &call.response)?;
        }
        Ok(call)
    }

    /// What the function answers for a composite resource when it has all that it requires.
    ///
    /// # Errors
    /// The object does not exist, or the function requires something else for ever.
    pub(crate) fn call(&self, key: &ObjectKey) -> Result<Call, String> {
        let request = self.request(key).ok_or_else(|| format!("{} {} does not exist", key.kind, key.name))?;
        converse(request, None, |selector| self.select(selector), run)
            .ok_or_else(|| "the function always requires something else".to_owned())
    }

    /// Whether the function would be asked, and so would answer, the same as in a call before.
    pub(crate) fn would_repeat(&self, key: &ObjectKey, call: &Call) -> bool {
        // What an earlier call of the same reconcile noted for the last one is no part of the question.
        let (required_resources, context) = (self.required(&call.response), call.request.context.clone());
        self.request(key).is_some_and(|request| RunFunctionRequest { required_resources, context, ..request } == call.request)
    }

    /// The request of a first call.
    fn request(&self, key: &ObjectKey) -> Option<RunFunctionRequest> {
        let composite = Some(Resource { resource: Some(self.objects.get(key)?.clone()), ..Resource::default() });
        let composed = self.composed.get(key).into_iter().flatten();
        let resources =
            composed.map(|(key, composed)| (key.clone(), Resource { resource: Some(composed.object.clone()), ..Resource::default() }));
        let observed = Some(State { composite, resources: resources.collect() });
        Some(RunFunctionRequest { observed, input: self.input(key), ..RunFunctionRequest::default() })
    }

    /// What a response asks for.
    fn required(&self, response: &RunFunctionResponse) -> BTreeMap<String, Resources> {
        let selectors = response.requirements.iter().flat_map(|requirements| &requirements.resources);
        selectors.map(|(key, selector)| (key.clone(), self.select(selector))).collect()
    }

    /// The input of the function in the Composition that a composite resource names, or else in that of its kind.
    fn input(&self, key: &ObjectKey) -> Option<Bytes> {
        let compositions = self.keys_of(COMPOSITION.0, COMPOSITION.1);
        if compositions.is_empty() {
            return None;
        }
        let composite = self.object(key);
        let named = composite.pointer("/spec/crossplane/compositionRef/name").and_then(Value::as_str);
        let composition = compositions.iter().find_map(|composition| {
            let object = self.object(composition);
            let fits = match named {
                Some(name) => composition.name == name,
                None => object.pointer("/spec/compositeTypeRef/kind").and_then(Value::as_str) == Some(key.kind.as_str()),
            };
            fits.then_some(object)
        })?;
        our_input(&composition).and_then(|(_, input)| to_struct(input).ok())
    }

    fn select(&self, selector: &ResourceSelector) -> Resources {
        let of_kind = self.objects.iter().filter(|(key, _)| key.api_version == selector.api_version && key.kind == selector.kind);
        let found = of_kind.filter(|(key, object)| {
            let named = || match &selector.r#match {
                Some(Match::MatchName(name)) => key.name == *name,
                Some(Match::MatchLabels(labels)) => labels.labels.is_empty() || has_labels(object, &labels.labels),
                None => false,
            };
            let everywhere = matches!(selector.r#match, Some(Match::MatchLabels(_))) && selector.namespace.is_none();
            (everywhere || key.namespace == selector.namespace.clone().unwrap_or_default()) && named()
        });
        let composed = self.composed_for(selector);
        let found = found.map(|(_, object)| object).chain(composed);
        Resources { items: found.map(|object| Resource { resource: Some(object.clone()), ..Resource::default() }).collect() }
    }

    /// Composed resources that a selector finds by their labels; nothing else of them is ever required.
    fn composed_for(&self, selector: &ResourceSelector) -> impl Iterator<Item = &Bytes> {
        let labels = match &selector.r#match {
            Some(Match::MatchLabels(labels)) if selector.api_version != API_VERSION => Some(&labels.labels),
            Some(Match::MatchLabels(_) | Match::MatchName(_)) | None => None,
        };
        let all = self.composed.values().flatten().filter(|(key, _)| Key::parse(key).is_some_and(|key| key.serves()));
        let matching = all.filter(move |(_, Composed { header, .. })| {
            let is_kind = *header.api_version == selector.api_version && *header.kind == selector.kind;
            is_kind && labels.is_some_and(|wanted| carries(header, wanted))
        });
        matching.map(|(_, composed)| &composed.object)
    }

    /// Writes the desired status, and the conditions, into the object. Conditions of others stay.
    fn keep_status(&mut self, key: &ObjectKey, response: &RunFunctionResponse) -> Result<(), String> {
        let mut object = self.object(key);
        let mut conditions: Vec<Value> = object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        for condition in response.conditions.iter().map(written) {
            let same = |old: &&mut Value| old.get("type") == condition.get("type");
            match conditions.iter_mut().find(same) {
                // Also since when it is so.
                Some(old) if says_the_same(old, &condition) => {}
                Some(old) => *old = condition,
                None => conditions.push(condition),
            }
        }
        let desired = response.desired.as_ref().and_then(|state| state.composite.as_ref()?.resource.as_ref());
        let desired: Value = desired.map_or(Ok(Value::Null), |bytes| from_struct(bytes)).map_err(|error| error.to_string())?;
        let Some(fields) = object.as_object_mut() else { return Ok(()) };
        if let Some(status) = desired.get("status") {
            fields.insert("status".to_owned(), status.clone());
        }
        if let Some(status) = fields.entry("status").or_insert_with(|| json!({})).as_object_mut() {
            status.insert("conditions".to_owned(), Value::Array(conditions));
        }
        self.apply(key.clone(), &object)
    }

    /// What is wanted is there, and what is no longer wanted is not.
    fn keep_composed(&mut self, key: &ObjectKey, response: &RunFunctionResponse) -> Result<(), String> {
        let before = self.composed(key);
        self.composed.remove(key);
        for (name, resource) in response.desired.iter().flat_map(|state| &state.resources) {
            let desired: Value =
                from_struct(resource.resource.as_deref().unwrap_or_default()).map_err(|error| format!("cannot compose {name}: {error}"))?;
            let composite = self.object(key);
            self.compose(key, name, &applied(before.get(name), desired, &composite, name))?;
        }
        Ok(())
    }
}

fn says_the_same(old: &Value, new: &Value) -> bool {
    ["status", "reason", "message"].iter().all(|field| old.get(field) == new.get(field))
}

/// A condition as it is written into a status.
pub(crate) fn written(condition: &Condition) -> Value {
    let status = match condition.status() {
        Status::ConditionTrue => "True",
        Status::ConditionFalse => "False",
        Status::ConditionUnknown | Status::ConditionUnspecified => "Unknown",
    };
    json!({"type": condition.r#type, "status": status, "reason": condition.reason, "message": condition.message()})
}

fn has_labels(object: &Bytes, wanted: &BTreeMap<String, String>) -> bool {
    carries(&from_struct(object).unwrap_or_default(), wanted)
}

fn carries(header: &Header, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| header.metadata.labels.get(key) == Some(value))
}
