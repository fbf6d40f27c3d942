//! What a model may not say, beyond the bounds that the schemas state.

use function_modelplane::api::model_deployment::ModelKind;
use function_modelplane::domain::spec::model::validate_model;
use serde_json::{Value, json};

fn model() -> Value {
    let profile = |name: &str| json!({"name": name, "engine": {"name": "vLLM", "image": "vllm/vllm-openai:v0.19.0"}});
    json!({
        "metadata": {"name": "llama", "namespace": "team"},
        "spec": {
            "model": {"name": "meta-llama/Llama"}, "source": "HuggingFace", "huggingFace": {"repo": "meta-llama/Llama"},
            "resources": {"vram": "140Gi"}, "serving": [profile("one"), profile("two")],
        },
    })
}

/// What is wrong when `value` is at `pointer`: with the model as a whole, and with each profile.
fn violations(kind: ModelKind, pointer: &str, value: Value) -> (Vec<String>, Vec<Vec<String>>) {
    let mut object = model();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    let lines =
        |found: &[function_modelplane::domain::spec::violation::Violation]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    match validate_model(kind, &serde_json::from_value(object).unwrap()) {
        Err(found) => (lines(&found), Vec::new()),
        Ok(model) => (Vec::new(), model.profiles.iter().map(|profile| lines(&profile.violations)).collect()),
    }
}

#[test]
fn what_one_profile_breaks_stays_with_that_profile() {
    let text = "may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit";
    let cases = [
        ("/spec/serving/0/resources", json!({"gpu": 0}), "spec.serving[0].resources.gpu: is 0; set it to 1 to 1024", "a bound"),
        (
            "/spec/serving/0/environmentSelector",
            json!({"matchLabels": {"modelplane.ai/rdma": "yes please"}}),
            &format!("spec.serving[0].environmentSelector.matchLabels[\"modelplane.ai/rdma\"]: is not a label's value: the value {text}"),
            "a label that no environment can have would match nothing, in silence",
        ),
        (
            "/spec/serving/0/engine/env",
            json!([{"name": "A'B"}]),
            "spec.serving[0].engine.env[0].name: must be a variable's name: printable ASCII without '=', single quotes and \"{{\"",
            "$(A'B) in an argument would end its quoting",
        ),
        (
            "/spec/serving/0/engine/env",
            json!([{"name": "A"}, {"name": "A"}]),
            "spec.serving[0].engine.env[1].name: repeats \"A\"; give each entry a name of its own",
            "only one of them would count",
        ),
        (
            "/spec/serving/0/engine/image",
            json!("{{ .Image }}"),
            "spec.serving[0].engine.image: must be an image reference without spaces or \"{{\"",
            "KServe would fail to reconcile",
        ),
    ];
    for (pointer, value, expected, why) in cases {
        let expected = (Vec::new(), vec![vec![expected.to_owned()], Vec::new()]);
        assert_eq!(violations(ModelKind::ClusterModel, pointer, value), expected, "{why}");
    }
}

#[test]
fn a_token_is_where_the_kind_of_model_allows() {
    let secret = |namespace: Value| json!({"repo": "a/b", "secretRef": {"name": "hub", "namespace": namespace}});
    let cases = [
        (ModelKind::ClusterModel, json!("hubs"), "", "any namespace"),
        (
            ModelKind::ClusterModel,
            Value::Null,
            "spec.huggingFace.secretRef.namespace: is missing; a ClusterModel has no namespace of its own",
            "there is none to assume",
        ),
        (ModelKind::Model, Value::Null, "", "its own"),
        (ModelKind::Model, json!("team"), "", "its own, said"),
        (
            ModelKind::Model,
            json!("hubs"),
            "spec.huggingFace.secretRef.namespace: is \"hubs\"; a Model may use Secrets of its own namespace \"team\" only",
            "a team could read another's Secret",
        ),
    ];
    for (kind, namespace, expected, why) in cases {
        let (found, _) = violations(kind, "/spec/huggingFace", secret(namespace));
        assert_eq!(found.join("; "), expected, "{why}");
    }
}

/// What people change about the fields of where weights come from, and what is wrong then.
#[test]
fn what_reads_the_weights_fits_where_they_are() {
    let s3 = json!({"source": "URI", "huggingFace": null, "uri": "s3://models/llama"});
    let secret = json!({"name": "weights", "namespace": "stores"});
    let cases = [
        (ModelKind::ClusterModel, json!({"uriSecretRef": secret}), "", "copied to every cluster"),
        (
            ModelKind::ClusterModel,
            json!({"uriSecretRef": {"name": "weights"}}),
            "spec.uriSecretRef.namespace: is missing; a ClusterModel has no namespace of its own",
            "there is none to assume",
        ),
        (ModelKind::Model, json!({"uriSecretRef": {"name": "weights"}}), "", "its own"),
        (
            ModelKind::Model,
            json!({"uriSecretRef": secret}),
            "spec.uriSecretRef.namespace: is \"stores\"; a Model may use Secrets of its own namespace \"team\" only",
            "a team could read another's Secret",
        ),
        (
            ModelKind::ClusterModel,
            json!({"uriSecretRef": secret, "uri": "hf://meta-llama/Llama"}),
            "spec.uriSecretRef: is set but uri is hf://; set source to HuggingFace, where huggingFace.secretRef names the token",
            "KServe would read a token and no account",
        ),
        (
            ModelKind::ClusterModel,
            json!({"uriSecretRef": secret, "uri": "pvc://weights/llama"}),
            "spec.uriSecretRef: is set but uri is not s3://, for which alone KServe reads it; remove it",
            "nothing is downloaded",
        ),
        (
            ModelKind::ClusterModel,
            json!({"uriSecretRef": secret, "source": "HuggingFace", "huggingFace": {"repo": "a/b"}, "uri": null}),
            "spec.uriSecretRef: is set but uri is not s3://, for which alone KServe reads it; remove it",
            "a token is huggingFace.secretRef",
        ),
        (ModelKind::ClusterModel, json!({"serviceAccountName": "weights-reader"}), "", "an identity of the cloud"),
        (
            ModelKind::ClusterModel,
            json!({"serviceAccountName": "weights_reader"}),
            "spec.serviceAccountName: is \"weights_reader\"; write 1 to 253 lower case letters, digits, '-' and '.', with a letter or digit at \
             both ends",
            "no ServiceAccount is called so",
        ),
        (
            ModelKind::Model,
            json!({"serviceAccountName": "weights-reader"}),
            "spec.serviceAccountName: is for ClusterModels only, because a team's pods may not be whoever they like; remove it or ask for a \
             ClusterModel",
            "a team chooses the image, which would run as any account of the namespace",
        ),
        (
            ModelKind::ClusterModel,
            json!({"serviceAccountName": "weights-reader", "uriSecretRef": secret}),
            "spec.serviceAccountName: is set beside uriSecretRef; remove one of them, because that ServiceAccount lists its Secrets itself",
            "the copy would be listed by nobody",
        ),
        (
            ModelKind::ClusterModel,
            json!({"serviceAccountName": "reader", "source": "HuggingFace", "uri": null,
                   "huggingFace": {"repo": "a/b", "secretRef": {"name": "hub", "namespace": "hubs"}}}),
            "spec.serviceAccountName: is set beside huggingFace.secretRef; remove one of them, because that ServiceAccount lists its Secrets \
             itself",
            "so would the token",
        ),
        (
            ModelKind::ClusterModel,
            json!({"resources": {"vram": "140Gi", "ephemeralStorage": "0"}}),
            "spec.resources.ephemeralStorage: is 0; set it to more than 0",
            "as of every quantity",
        ),
    ];
    for (kind, changed, expected, why) in cases {
        let mut spec = model()["spec"].as_object().unwrap().clone();
        spec.extend(s3.as_object().unwrap().clone());
        spec.extend(changed.as_object().unwrap().clone());
        let (found, _) = violations(kind, "/spec", Value::Object(spec));
        assert_eq!(found.join("; "), expected, "{why}");
    }
}
