//! The names that prefill answers to.
//!
//! The routing sidecar asks prefill by the name that a client asked decode by. From v0.19 on decode answers to the name that KServe routes on,
//! too; prefill's preset for single nodes gives it one name, and by the other each request would be answered that there is no such model.

use serde_json::Value;

use super::argv::quote;
use crate::api::llm_inference_service::{ServedModel, Workload};
use crate::domain::kserve::{SERVED_NAME_OPTION, published_name};

/// Has prefill answer to both names: vLLM goes by the last of two occurrences of an option.
///
/// `running` is the prefill of the object that exists. Where its pods are in all else as they would be, they stay as they are: by itself this is
/// no reason to restart them.
pub fn name_prefill(prefill: &mut Workload, model: &ServedModel, namespace: &str, running: Option<&Value>) {
    let unnamed = running.and_then(|running| running.get("template")).is_some_and(|template| is_within(&prefill.template, template));
    if unnamed {
        return;
    }
    let words = [format!("--{SERVED_NAME_OPTION}"), model.name.clone(), published_name(namespace, &model.name)];
    for engine in &mut prefill.template.containers {
        engine.args.get_or_insert_default().extend(words.iter().map(|word| quote(word)));
    }
}

/// Whether something that exists has all that is wanted; an API server adds what is left out.
fn is_within(wanted: &impl serde::Serialize, running: &Value) -> bool {
    serde_json::to_value(wanted).is_ok_and(|wanted| has(running, &wanted))
}

fn has(running: &Value, wanted: &Value) -> bool {
    match (running, wanted) {
        (Value::Object(running), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| running.get(key).is_some_and(|running| has(running, wanted)))
        }
        (Value::Array(running), Value::Array(wanted)) => {
            running.len() == wanted.len() && running.iter().zip(wanted).all(|(running, wanted)| has(running, wanted))
        }
        _ => running == wanted,
    }
}
