//! The step's input is never validated by Crossplane.

use function_modelplane::domain::spec::input::validate_input;
use serde_json::json;

#[test]
fn what_would_be_overlooked_is_refused() {
    let cases = [
        (json!({}), "", "everything is optional"),
        (json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "metadata": {"name": "x"}}), "", "ours"),
        (
            json!({"apiVersion": "pt.fn.crossplane.io/v1beta1", "kind": "Resources"}),
            "apiVersion: is \"pt.fn.crossplane.io/v1beta1\"; write modelplane.fn.crossplane.io/v1beta1, this function takes no other; \
             kind: is \"Resources\"; write Input, this function takes no other",
            "meant for another function",
        ),
        (json!({"lint": "Off"}), "", "nothing is looked for"),
        (json!({"lint": "Enforce"}), "", "errors count"),
        (
            json!({"prometheus": {"serverAddress": "prometheus:9090"}}),
            "prometheus.serverAddress: is \"prometheus:9090\"; write a URL such as http://prometheus.monitoring.svc:9090",
            "KEDA would not reach it, and the model would stay at its fewest replicas",
        ),
        (json!({"maxRejections": 1001}), "maxRejections: is 1001; set it to 0 to 1000", "a status of any size"),
        (
            json!({"remoteNamespace": "Models"}),
            "remoteNamespace: is \"Models\"; write 1 to 63 lower case letters, digits and '-', with a letter or digit at both ends",
            "no namespace",
        ),
    ];
    for (input, expected, why) in cases {
        let found = validate_input(&serde_json::from_value(input).unwrap()).err().unwrap_or_default();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), expected, "{why}");
    }
}
