//! Kubernetes' own objects within ours: a field that its types do not have would be dropped, and nobody would know why nothing works.

use function_modelplane::api::inference_environment::Rdma;
use function_modelplane::api::model::Engine;
use function_modelplane::structs::{from_struct, to_struct};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How an object is refused; an empty string when it is not.
fn refusal<T: DeserializeOwned>(object: &Value) -> String {
    from_struct::<T>(&to_struct(object).unwrap()).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_field_that_would_be_lost_is_an_error() {
    let lost = |path: &str| format!("{path}: unknown field, which would be lost; correct its spelling or remove it");
    let cases = [
        (json!({"volumes": [{"name": "a", "hostPaht": {"path": "/a"}}]}), lost("volumes[0].hostPaht"), "misspelt"),
        (
            json!({"volumes": [{"name": "a"}, {"name": "b", "hostPath": {"path": "/", "tpye": ""}}]}),
            lost("volumes[1].hostPath.tpye"),
            "deeper",
        ),
        (
            json!({"volumes": [{"name": "a", "projected": {"sources": [{}, {"configMap": {"nam": "x"}}]}}]}),
            lost("volumes[0].projected.sources[1].configMap.nam"),
            "in a list",
        ),
        (json!({"volumeMounts": [{"name": "a", "mountPath": "/a", "readonly": true}]}), lost("volumeMounts[0].readonly"), "in lower case"),
        (json!({"env": [{"name": "A", "vaule": "1"}]}), lost("env[0].vaule"), "a variable without its value"),
        (
            json!({"env": [{"name": "A", "value": 1}]}),
            "env[0].value: invalid type: integer `1`, expected a string".to_owned(),
            "a type keeps its path",
        ),
        (json!({"env": [{"name": "A", "value": "1"}], "volumes": null, "volumeMounts": []}), String::new(), "nothing is lost"),
    ];
    for (fields, expected, why) in cases {
        let mut rdma = fields;
        rdma["type"] = json!("Other");
        assert_eq!(refusal::<Rdma>(&rdma), expected, "{why}");
    }
}

#[test]
fn an_engines_variables_are_read_the_same_way() {
    let engine = |variable: Value| json!({"name": "vLLM", "image": "i", "env": [variable]});
    let secret = |field: &str| engine(json!({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", field: "k"}}}));
    assert_eq!(refusal::<Engine>(&secret("key")), "");
    assert_eq!(
        refusal::<Engine>(&secret("kye")),
        "env[0].valueFrom.secretKeyRef.kye: unknown field, which would be lost; correct its spelling or remove it"
    );
}
