//! A key without a value, `args:` for example, is one of YAML's commonest accidents. The API server drops it where the field has a default.

use function_modelplane::api::inference_environment::InferenceEnvironment;
use function_modelplane::api::input::Input;
use function_modelplane::api::llm_inference_service::ObservedService;
use function_modelplane::api::model::Model;
use function_modelplane::api::model_deployment::ModelDeployment;
use function_modelplane::api::object::ObservedObject;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads an object, which may hold null, and the same without the nulls.
fn assert_same<T: DeserializeOwned + std::fmt::Debug + PartialEq>(with_nulls: &Value) {
    fn without_nulls(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                fields.iter().filter(|(_, field)| !field.is_null()).map(|(key, field)| (key.clone(), without_nulls(field))).collect()
            }
            Value::Array(items) => items.iter().map(without_nulls).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    let read = |value: Value| serde_json::from_value::<T>(value).unwrap();
    assert_eq!(read(with_nulls.clone()), read(without_nulls(with_nulls)));
}

#[test]
fn null_is_the_default() {
    assert_same::<ModelDeployment>(&json!({
        "metadata": {"name": "a", "namespace": null, "labels": null, "annotations": null, "generation": null},
        "spec": {
            "modelRef": {"name": "m", "kind": null}, "environments": 1, "environmentSelector": {"matchLabels": null}, "topology": null,
            "scaling": null, "prefill": null, "crossplane": null,
            "strategy": {"type": null},
        },
    }));
    assert_same::<ModelDeployment>(&json!({
        "metadata": {"name": "a"},
        "spec": {
            "modelRef": {"name": "m"}, "environments": 1, "strategy": null,
            "scaling": {"signal": "Concurrency", "fixed": null, "concurrency":
                {"maxReplicas": 2, "target": 1, "minReplicas": null, "utilization": null, "scaleDownDelay": null}},
            "prefill": {"scaling": {"signal": "WVA", "wva": {"maxReplicas": 2, "minReplicas": null, "variantCost": null, "keda": null}}},
        },
    }));
    assert_same::<Model>(&json!({
        "metadata": {"name": null, "namespace": null},
        "spec": {
            "model": {"name": "m"}, "source": "HuggingFace",
            "huggingFace": {"repo": "a/b", "revision": null, "secretRef": {"name": "s", "namespace": null, "key": null}},
            "uriSecretRef": {"name": "s", "namespace": null, "keys": null}, "serviceAccountName": null,
            "resources": {"vram": "1Gi", "cpu": null, "memory": null, "ephemeralStorage": null},
            "serving": [{
                "name": "p", "topology": null, "environmentSelector": null, "resources": null,
                "engine": {"name": "vLLM", "image": "i", "args": null, "env": null, "startupTimeoutSeconds": null},
            }],
        },
    }));
    let gpu = json!({"acceleratorType": "a", "memory": "1Gi", "acceleratorCount": null, "resourceName": null});
    assert_same::<InferenceEnvironment>(&json!({
        "metadata": {"name": "e"},
        "spec": {
            "availability": null,
            "cluster": {"source": "Existing", "existing": {
                "secretRef": {"name": "s", "key": null}, "identitySecretRef": {"name": "s", "key": null},
                "nodePools": [{"name": "p", "nodeCount": null, "maxNodeCount": null, "gpu": gpu, "nodeSelector": null, "tolerations": null}],
            }},
            "rdma": {"type": "Other", "resources": null, "resourcesPerGpu": null, "annotations": null, "nodeSelector": null, "env": null,
                     "volumes": null, "volumeMounts": null},
        },
        "status": null,
    }));
    assert_same::<InferenceEnvironment>(&json!({
        "metadata": {"name": "e"},
        "spec": {"rdma": null, "cluster": {"source": "GKE", "gke": {
            "project": "project", "region": "r", "kubernetesVersion": null,
            "nodePools": [{"name": "p", "role": "GPU", "machineType": "m", "diskSizeGb": null, "nodeCount": null, "minNodeCount": null,
                           "maxNodeCount": null, "gpu": gpu, "zones": null}],
        }}},
    }));
    // Functions in Go write null for a list that they never filled.
    let pool = json!({"name": null, "acceleratorType": "a", "memory": "1Gi", "countPerNode": 1, "nodes": 1, "resourceName": null,
                      "nodeSelector": null, "tolerations": null});
    for status in [
        json!({"capacity": {"gpuPools": null}, "providerConfigRef": {"name": null}, "gateway": null}),
        json!({"capacity": {"gpuPools": [pool]}, "providerConfigRef": null, "gateway": {"address": null}}),
    ] {
        assert_same::<InferenceEnvironment>(
            &json!({"metadata": {"name": "e"}, "spec": {"cluster": {"source": "Local", "local": null}}, "status": status}),
        );
    }
    for status in [
        json!(null),
        json!({"conditions": null, "addresses": null, "url": null, "observedGeneration": null}),
        json!({"conditions": [{"type": "Ready", "status": "True", "reason": null, "message": null}], "addresses": [{"url": null}]}),
    ] {
        assert_same::<ObservedService>(&json!({"metadata": {"name": "s"}, "status": status}));
        assert_same::<ObservedObject>(&json!({"status": {"atProvider": {"manifest": {"status": status}}, "conditions": null}}));
    }
    assert_same::<ObservedObject>(&json!({"metadata": null, "status": {"atProvider": null}}));
    assert_same::<Input>(&json!({
        "apiVersion": null, "kind": null, "metadata": null, "rdma": null, "lint": null, "ttl": null, "remoteNamespace": null, "prometheus": null,
        "maxRejections": null,
    }));
}
