//! Placements that are left exactly as they are observed.

use serde_json::{Value, json};

use super::composition::{Body, Composed};
use super::{inputs::Inputs, placement::encode_record, readiness::is_ready};
use crate::domain::key::{Key, Part};
use crate::domain::kserve::TOKEN_KEY;
use crate::domain::names::{ENVIRONMENT_LABEL, PLACEMENT_ANNOTATION};
use crate::domain::scheduling::placement::{Action, Placement};

/// Everything a placement has, as it is observed.
pub fn freeze(inputs: &Inputs, placement: &Placement) -> Vec<(Key, Composed)> {
    let topology = placement.place.topology;
    let belongs = |key: &Key| key.environment == placement.slot && key.topology().is_none_or(|other| other == topology);
    let frozen = inputs.observed.resources.iter().filter(|(key, _)| belongs(key)).map(|(key, resource)| {
        let mut body = resource.frozen.clone();
        if key.part == Part::Token {
            forget_token(&mut body);
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

/// A copied token is never passed on, wherever it may have been written; nor is it left to stay there.
fn forget_token(object: &mut Value) {
    if let Some(Value::Object(manifest)) = object.pointer_mut("/spec/forProvider/manifest") {
        manifest.insert("data".to_owned(), json!({TOKEN_KEY: ""}));
        manifest.remove("stringData");
    }
}
