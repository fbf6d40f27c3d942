//! Placements that are left exactly as they are observed.

use serde_json::{Map, Value, json};

use super::composition::{Body, Composed};
use super::{inputs::Inputs, placement::encode_record, readiness::is_ready};
use crate::domain::key::{Key, Part};
use crate::domain::kserve::{STORAGE_ACCOUNT_KEYS, TOKEN_KEY};
use crate::domain::names::{ENVIRONMENT_LABEL, PLACEMENT_ANNOTATION};
use crate::domain::scheduling::placement::{Action, Placement};

/// Everything a placement has, as it is observed.
pub fn freeze(inputs: &Inputs, placement: &Placement) -> Vec<(Key, Composed)> {
    let topology = placement.place.topology;
    let belongs = |key: &Key| key.environment == placement.slot && key.topology().is_none_or(|other| other == topology);
    let frozen = inputs.observed.resources.iter().filter(|(key, _)| belongs(key)).map(|(key, resource)| {
        let mut body = resource.frozen.clone();
        if matches!(key.part, Part::Token | Part::StorageSecret) {
            forget_data(&mut body, key.part);
        }
        if key.serves() {
            mark(&mut body, placement, resource.record.is_none());
        }
        (key.clone(), Composed { body: Body::Frozen(body), ready: is_ready(key, Some(resource)) })
    });
    frozen.collect()
}

/// What others know it by: the label, and the record where it was lost.
fn mark(object: &mut Value, placement: &Placement, is_lost: bool) {
    put(object, "labels", ENVIRONMENT_LABEL, &placement.place.environment);
    if let Action::Freeze(_, Some(record)) = &placement.action
        && is_lost
        && !record.profile.is_empty()
    {
        put(object, "annotations", PLACEMENT_ANNOTATION, &encode_record(record));
    }
}

fn put(object: &mut Value, field: &str, key: &str, text: &str) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata")
        && let Value::Object(texts) = metadata.entry(field).or_insert_with(|| json!({}))
    {
        texts.insert(key.to_owned(), json!(text));
    }
}

/// What was copied of a Secret is never passed on, wherever it may have been written; nor is it left to stay there.
fn forget_data(object: &mut Value, part: Part) {
    if let Some(Value::Object(manifest)) = object.pointer_mut("/spec/forProvider/manifest") {
        let known = if part == Part::Token { vec![TOKEN_KEY] } else { STORAGE_ACCOUNT_KEYS.to_vec() };
        let seen = ["data", "stringData"].into_iter().filter_map(|field| manifest.get(field)?.as_object()).flat_map(Map::keys).cloned();
        let emptied: Map<String, Value> = known.into_iter().map(str::to_owned).chain(seen).map(|key| (key, json!(""))).collect();
        manifest.insert("data".to_owned(), Value::Object(emptied));
        manifest.remove("stringData");
    }
}
