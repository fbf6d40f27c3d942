//! One composed resource: what a control plane makes of it when the function wants it, and what of it a person compares.

use serde_json::{Map, Value, json};

use crate::api::{llm_inference_service, object};
use crate::domain::kserve::{DECODE_READY, PREFILL_READY, PRESETS_COMBINED, READY, ROUTER_READY};
use crate::domain::names::{OUR_PREFIX, PLACEMENT_ANNOTATION};

/// The annotation by which Crossplane knows a composed resource of a composite resource.
pub(crate) const RESOURCE_NAME: &str = "crossplane.io/composition-resource-name";
/// The parts of an object that the function writes beside its metadata.
const PARTS: [&str; 2] = ["spec", "secrets"];
/// Where an Object holds another object.
const HELD: &str = "/spec/forProvider/manifest";

/// The object after a server-side apply of `desired`: what others wrote of it stays, what we no longer write goes.
pub(crate) fn applied(old: Option<&Value>, desired: Value, composite: &Value, key: &str) -> Value {
    let mut object = old.cloned().unwrap_or_else(|| born(&desired, composite, key));
    let Value::Object(desired) = desired else { return object };
    let Some(fields) = object.as_object_mut() else { return object };
    fields.retain(|name, _| !PARTS.contains(&name.as_str()));
    for (name, value) in desired {
        if name == "metadata" {
            let old = fields.entry(name).or_insert_with(|| json!({}));
            for texts in ["labels", "annotations"] {
                apply_texts(old, texts, value.get(texts));
            }
        } else if name != "status" {
            fields.insert(name, value);
        }
    }
    object
}

/// What Crossplane gives to an object that it creates; as it makes up a name, so does this, until the next look.
fn born(desired: &Value, composite: &Value, key: &str) -> Value {
    let at = |pointer: &str| composite.pointer(pointer).filter(|value| *value != "");
    let owner = at("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let name = desired.pointer("/metadata/name").and_then(Value::as_str).filter(|name| !name.is_empty());
    json!({"metadata": known(json!({
        "generateName": name.is_none().then(|| format!("{owner}-")),
        "name": name.map_or_else(|| format!("{owner}-{key}"), str::to_owned),
        "namespace": at("/metadata/namespace"),
        "labels": {"crossplane.io/composite": owner},
        "annotations": {RESOURCE_NAME: key},
        "ownerReferences": [known(json!({
            "apiVersion": at("/apiVersion"), "kind": at("/kind"), "name": owner, "uid": at("/metadata/uid"), "controller": true,
        }))],
    }))})
}

/// The fields that have a value.
fn known(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

fn apply_texts(metadata: &mut Value, field: &str, desired: Option<&Value>) {
    let Some(metadata) = metadata.as_object_mut() else { return };
    let Some(texts) = metadata.entry(field).or_insert_with(|| json!({})).as_object_mut() else { return };
    texts.retain(|key, _| !key.starts_with(OUR_PREFIX));
    texts.extend(desired.and_then(Value::as_object).cloned().unwrap_or_default());
}

/// What a person compares of an object: all that the function writes. Whether a placement was ready once is left out, because
/// it changes nothing that runs; so is what a Secret holds.
pub(crate) fn compared(object: &Value) -> Value {
    let mut shown = Map::new();
    for name in ["apiVersion", "kind"].iter().chain(&PARTS) {
        shown.extend(object.get(name).map(|value| ((*name).to_owned(), value.clone())));
    }
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let generated = metadata.get("generateName").is_some() && metadata.get("uid").is_none();
    let mut kept = Map::new();
    for name in [if generated { "generateName" } else { "name" }, "namespace"] {
        kept.extend(metadata.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    for name in ["labels", "annotations"] {
        let texts = metadata.get(name).and_then(Value::as_object).into_iter().flatten();
        let ours: Map<String, Value> =
            texts.filter(|(key, _)| key.starts_with(OUR_PREFIX)).map(|(key, text)| (key.clone(), remembered(key, text))).collect();
        if !ours.is_empty() {
            kept.insert(name.to_owned(), Value::Object(ours));
        }
    }
    shown.insert("metadata".to_owned(), Value::Object(kept));
    let mut shown = Value::Object(shown);
    hide_secret(&mut shown);
    shown
}

fn remembered(key: &str, text: &Value) -> Value {
    let record = || serde_json::from_str::<Map<String, Value>>(text.as_str()?).ok();
    match (key == PLACEMENT_ANNOTATION).then(record).flatten() {
        Some(mut record) => {
            record.remove("settled");
            record.remove("uid");
            Value::String(Value::Object(record).to_string())
        }
        None => text.clone(),
    }
}

fn hide_secret(object: &mut Value) {
    let held = if object.get("kind") == Some(&json!(object::KIND)) { object.pointer_mut(HELD) } else { Some(object) };
    let Some(Value::Object(held)) = held else { return };
    if held.get("kind") == Some(&json!("Secret")) {
        held.remove("data");
        held.remove("stringData");
    }
}

/// The object without what others wrote into it, which API servers do with their defaults: of fields only those that `desired` has.
/// What an Object holds is nobody's but ours, and stays.
pub(crate) fn stripped(object: &Value, desired: &Value) -> Value {
    let mut result = object.clone();
    let held = object.pointer(HELD).filter(|_| object.get("kind") == Some(&json!(object::KIND))).cloned();
    for part in PARTS {
        match (result.get_mut(part), desired.get(part)) {
            (Some(value), Some(desired)) => strip(value, desired),
            (Some(_), None) => _ = result.as_object_mut().and_then(|fields| fields.remove(part)),
            (None, _) => {}
        }
    }
    if let (Some(place), Some(held)) = (result.pointer_mut(HELD), held) {
        *place = held;
    }
    result
}

fn strip(value: &mut Value, desired: &Value) {
    match (value, desired) {
        (Value::Object(fields), Value::Object(desired)) => {
            fields.retain(|name, _| desired.contains_key(name));
            for (name, value) in fields {
                strip(value, desired.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(items), Value::Array(desired)) if items.len() == desired.len() => {
            items.iter_mut().zip(desired).for_each(|(item, desired)| strip(item, desired));
        }
        _ => {}
    }
}

/// The object that is served: what an Object holds, else the object itself.
pub(crate) fn held(object: &Value) -> &Value {
    object.pointer(HELD).unwrap_or(object)
}

/// The object after what serves it says that all of it is ready: an LLMInferenceService, or an Object and what it holds.
pub(crate) fn reported_ready(mut object: Value) -> Value {
    let condition = |kind: &&str| json!({"type": kind, "status": "True", "reason": "Available"});
    let conditions = |kinds: &[&str]| Value::Array(kinds.iter().map(condition).collect());
    let services = json!({"conditions": conditions(&[PRESETS_COMBINED, DECODE_READY[0], PREFILL_READY[0], ROUTER_READY, READY])});
    let wrapped = object.pointer(HELD).cloned();
    let status = match wrapped {
        Some(mut held) => {
            if let Some(fields) = held.as_object_mut().filter(|held| held.get("kind") == Some(&json!(llm_inference_service::KIND))) {
                fields.insert("status".to_owned(), services);
            }
            json!({"atProvider": {"manifest": held}, "conditions": conditions(&["Synced", "Ready"])})
        }
        None => services,
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert("status".to_owned(), status);
    }
    object
}
