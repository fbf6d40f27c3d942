//! Crossplane applies nothing at all when a function writes a status field that the XRD does not declare.

use function_modelplane::api::inference_environment::InferenceEnvironmentStatus;
use function_modelplane::api::model_deployment_status::ModelDeploymentStatus;
use serde_json::{Value, json};

use super::schema::structural;

/// Paths of a value that a schema does not declare.
fn undeclared(path: &str, value: &Value, schema: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                let declared = schema.pointer("/properties").and_then(|properties| properties.get(name));
                match declared.or_else(|| schema.get("additionalProperties")) {
                    Some(schema) => undeclared(&path, field, schema, found),
                    None => found.push(path),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| undeclared(path, item, &schema["items"], found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_field_of_a_deployments_status_is_declared() {
    let full = json!({
        "model": {"name": "m"},
        "endpoint": {"url": "http://e"},
        "placements": {"total": 1, "ready": 1, "summary": "1/1", "items": [{
            "environment": "e", "topology": "PrefillDecode", "profile": "p",
            "environmentSelector": {"matchLabels": {"a": "b"}},
            "ready": true, "settled": true, "reason": "r", "message": "m", "endpoint": "http://e",
            "decode": {"pool": "p", "gpusPerReplica": 1, "replicas": 1, "maxReplicas": 2, "ready": true},
            "prefill": {"pool": "p", "gpusPerReplica": 1, "replicas": 1, "maxReplicas": 2, "ready": true},
        }]},
        "scheduling": {"considered": 1, "matched": 1, "rejectedTotal": 1, "rejected": [{"environment": "e", "reason": "r", "message": "m"}]},
    });
    let status: ModelDeploymentStatus = serde_json::from_value(full.clone()).unwrap();
    assert_eq!(serde_json::to_value(&status).unwrap(), full, "the sample fills every field that is written");
    let mut found = Vec::new();
    undeclared("status", &full, &structural::<ModelDeploymentStatus>(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_field_of_an_environments_status_is_declared() {
    let full = json!({
        "providerConfigRef": {"name": "p"},
        "gateway": {"address": "1.2.3.4"},
        "namespace": "modelplane-system",
        "capacity": {"gpuPools": [{
            "name": "n", "acceleratorType": "a", "memory": "80Gi", "countPerNode": 8, "nodes": 2, "resourceName": "nvidia.com/gpu",
            "nodeSelector": {"a": "b"},
            "tolerations": [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule", "tolerationSeconds": 1}],
        }]},
    });
    let status: InferenceEnvironmentStatus = serde_json::from_value(full.clone()).unwrap();
    assert_eq!(serde_json::to_value(&status).unwrap(), full, "the sample fills every field that is written");
    let mut found = Vec::new();
    undeclared("status", &full, &structural::<InferenceEnvironmentStatus>(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
