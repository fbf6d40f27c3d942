//! Prefill answers to every name that a client may ask by.

use function_modelplane::api::llm_inference_service::ServedModel;
use function_modelplane::compose::served_names::name_prefill;
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

#[test]
fn both_names_come_last_in_the_engines_container_only() {
    let pod = json!({"containers": [{"name": "main", "args": ["'--seed=1'"]}, {"name": "exporter", "args": ["--seed=1"]}]});
    let mut pod: PodSpec = serde_json::from_value(pod).unwrap();
    name_prefill(&mut pod, &ServedModel { uri: "hf://org/Llama".to_owned(), name: "org/Llama".to_owned() }, "team");
    let args: Vec<Value> = pod.containers.iter().map(|container| json!(container.args)).collect();
    let named = json!(["'--seed=1'", "'--served-model-name'", "'org/Llama'", "'publishers/team/models/org/Llama'"]);
    assert_eq!(args, [named, json!(["--seed=1"])]);
}
