//! The names that prefill answers to.
//!
//! The routing sidecar asks prefill by the name that a client asked decode by. From v0.19 on decode answers to the name that KServe routes on,
//! too; prefill's preset for single nodes gives it one name, and by the other each request would be answered that there is no such model.

use k8s_openapi::api::core::v1::PodSpec;

use super::argv::quote;
use crate::api::llm_inference_service::ServedModel;
use crate::domain::kserve::{ENGINE_CONTAINER, SERVED_NAME_OPTION, published_name};

/// Has prefill answer to both names: vLLM goes by the last of two occurrences of an option.
pub fn name_prefill(prefill: &mut PodSpec, model: &ServedModel, namespace: &str) {
    let words = [format!("--{SERVED_NAME_OPTION}"), model.name.clone(), published_name(namespace, &model.name)];
    for engine in prefill.containers.iter_mut().filter(|container| container.name == ENGINE_CONTAINER) {
        engine.args.get_or_insert_default().extend(words.iter().map(|word| quote(word)));
    }
}
