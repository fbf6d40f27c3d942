use serde_json::{Value, json};

use super::{args, line, pair, unified};
use function_modelplane::api::model::ModelSpec;
use function_modelplane::domain::lint::lint_model;

/// The names of what is found where a model's weights come from, once these fields are its own.
fn found(mut spec: ModelSpec, fields: &Value) -> Vec<String> {
    let text = |field: &str| fields.get(field).map(|value| serde_json::from_value(value.clone()).unwrap());
    spec.uri = text("uri");
    if spec.uri.is_some() {
        (spec.source, spec.hugging_face) = (serde_json::from_value(json!("URI")).unwrap(), None);
    }
    spec.service_account_name = text("serviceAccountName");
    spec.uri_secret_ref = fields.get("uriSecretRef").map(|secret| serde_json::from_value(secret.clone()).unwrap());
    if let Some(resources) = fields.get("resources") {
        spec.resources = serde_json::from_value(resources.clone()).unwrap();
    }
    let phases_know = ["ModelTooLarge", "GpuTooFew", "GpuUnused"];
    lint_model(&spec).iter().map(line).filter(|line| !phases_know.iter().any(|rule| line.contains(rule))).collect()
}

#[test]
fn where_weights_come_from_has_its_conditions() {
    const OCI: &str = "warning ModelcarUser: spec.uri: KServe runs the engine of an oci:// model as its uidModelcar, 1010 unless set, so \
        IPC_LOCK has no effect and RDMA works only on nodes where anybody may lock memory; set uidModelcar to 0 in ConfigMap \
        inferenceservice-config of each cluster, or from KServe 0.20 on ociModelMode to native";
    const S3: &str = "warning NoStorageAccount: spec.uri: no account is named that may read it: pods have only the Secrets of their \
        namespace's ServiceAccount default, and decode of two phases none of its cloud identity; set uriSecretRef or serviceAccountName, or \
        the download is refused wherever the bucket is private";
    const DISK: &str = "warning NoDiskRequest: spec.resources: a model of 810Gi is downloaded to the node's disk, anew for each pod, and \
        none is asked for: a node that has too little evicts the pod, and it starts over; set resources.ephemeralStorage to the size of \
        the weights";
    let large = json!({"vram": "810Gi"});
    let two = || pair(args(&[]), args(&[]));
    let one = || unified(args(&[]));
    let cases: [(ModelSpec, Value, &[&str], &str); 13] = [
        (two(), json!({"uri": "oci://registry.example.com/llama:1"}), &[OCI], "the phases meet over RDMA"),
        (one(), json!({"uri": "oci://registry.example.com/llama:1"}), &[], "one engine locks no memory for anybody"),
        (two(), json!({"uri": "s3://models/llama"}), &[S3], "prefill is default, and decode an account of KServe's"),
        (one(), json!({"uri": "s3://models/llama"}), &[S3], "likewise"),
        (two(), json!({"uri": "s3://models/llama", "uriSecretRef": {"name": "weights", "namespace": "stores"}}), &[], "an account"),
        (two(), json!({"uri": "s3://models/llama", "serviceAccountName": "default"}), &[], "meant"),
        (two(), json!({"uri": "pvc://weights/llama", "resources": large}), &[], "mounted"),
        (two(), json!({"uri": "oci://registry.example.com/llama:1", "resources": large}), &[OCI], "pulled as an image"),
        (two(), json!({"uri": "hf://a/b", "resources": large}), &[DISK], "downloaded"),
        (one(), json!({"resources": large}), &[DISK], "from the hub, too"),
        (one(), json!({"resources": {"vram": "200Gi"}}), &[], "a disk of that size is usual enough"),
        (
            two(),
            json!({"uri": "s3://models/llama", "serviceAccountName": "reader", "resources": large}),
            &[DISK],
            "so is what is in a store",
        ),
        (one(), json!({"resources": {"vram": "810Gi", "ephemeralStorage": "800Gi"}}), &[], "asked for"),
    ];
    for (spec, fields, expected, why) in cases {
        assert_eq!(found(spec, &fields), expected, "{why}: {fields}");
    }
}

/// It is the model's, so a second profile says it no second time.
#[test]
fn what_is_the_models_is_said_once() {
    let mut spec = pair(args(&[]), args(&[]));
    let mut second = spec.serving[0].clone();
    second.name = "two".to_owned();
    spec.serving.push(second);
    let found = found(spec, &json!({"uri": "s3://models/llama"}));
    assert_eq!(found.iter().filter(|line| line.contains("NoStorageAccount")).count(), 1, "{found:?}");
}
