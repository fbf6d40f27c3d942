//! What a ModelDeployment may not say, beyond the bounds that the schemas state.

use function_modelplane::domain::spec::deployment::validate_deployment;
use serde_json::{Value, json};

fn violations(field: &str, value: Value) -> String {
    let mut object = json!({"metadata": {"name": "chat"}, "spec": {"modelRef": {"name": "llama"}, "environments": 1}});
    object["spec"][field] = value;
    let found = validate_deployment(&serde_json::from_value(object).unwrap()).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn rules_between_fields_and_of_labels_are_held() {
    let text = "may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit";
    let cases = [
        (
            "environmentSelector",
            json!({"matchLabels": {"a/b/c": "x", "region": "us east"}}),
            format!(
                "spec.environmentSelector.matchLabels[\"a/b/c\"]: is not a label's key: the name {text}; \
                 spec.environmentSelector.matchLabels[\"region\"]: is not a label's value: the value {text}"
            ),
            "no environment can have such labels",
        ),
        (
            "scaling",
            json!({"signal": "WVA", "wva": {"minReplicas": 3, "maxReplicas": 2}}),
            "spec.scaling.wva.minReplicas: is 3; set it to at most maxReplicas, 2".to_owned(),
            "nothing lies between",
        ),
        (
            "scaling",
            json!({"signal": "Concurrency", "concurrency": {"minReplicas": 0, "maxReplicas": 0, "target": 1}}),
            "spec.scaling.concurrency.maxReplicas: is 0; set it to 1 to 100000".to_owned(),
            "the fewest may be none, the most may not",
        ),
    ];
    for (field, value, expected, why) in cases {
        assert_eq!(violations(field, value), expected, "{why}");
    }
}
