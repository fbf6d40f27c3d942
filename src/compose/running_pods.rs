//! What runs is not restarted because a newer version of this function would make it otherwise.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use crate::api::quantity::Quantity;

/// Whether the pods of a phase that exists are as they would be; an API server adds what is left out. `running` is the phase.
pub fn runs_as(running: &Value, wanted: &PodSpec) -> bool {
    running.get("template").is_some_and(|template| serde_json::to_value(wanted).is_ok_and(|wanted| has(template, &wanted)))
}

fn has(running: &Value, wanted: &Value) -> bool {
    match (running, wanted) {
        (Value::Object(running), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| running.get(key).is_some_and(|running| has(running, wanted)))
        }
        (Value::Array(running), Value::Array(wanted)) => {
            running.len() == wanted.len() && running.iter().zip(wanted).all(|(running, wanted)| has(running, wanted))
        }
        // KServe's webhook writes 5120Mi as 5Gi.
        (Value::String(running), Value::String(wanted)) => running == wanted || same_amount(running, wanted),
        _ => running == wanted,
    }
}

fn same_amount(running: &str, wanted: &str) -> bool {
    let amounts = (running.parse::<Quantity>(), wanted.parse::<Quantity>());
    matches!(amounts, (Ok(running), Ok(wanted)) if running == wanted)
}

/// The labels of a phase's pods: those of what runs, because they are an immutable selector, else those that are asked for.
pub fn kept_labels(wanted: BTreeMap<String, String>, running: Option<&Value>) -> BTreeMap<String, String> {
    let Some(running) = running else { return wanted };
    let labels = running.get("labels").and_then(Value::as_object);
    labels.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
