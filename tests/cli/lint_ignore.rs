//! What an object's owner accepts is left out, and does not vanish.

use function_modelplane::cli::lint::Found;
use serde_json::{Value, json};

use super::lint::run;

/// A model whose prefill listens elsewhere, one more thing that only an environment shows, and that environment. `{}` is the annotation.
const FLEET: &str = r#"apiVersion: modelplane.ai/v1alpha1
kind: ClusterModel
metadata:
  name: llama
  annotations: {modelplane.ai/lint-ignore: "{}"}
spec:
  model: {name: meta-llama/Llama}
  source: HuggingFace
  huggingFace: {repo: meta-llama/Llama}
  resources: {vram: 140Gi}
  serving:
    - name: one
      engine: {name: vLLM, image: "vllm/vllm-openai:v0.32.0", args: ["--port=9000"]}
      resources: {gpu: 1}
"#;

const ENVIRONMENT: &str = r#"---
apiVersion: modelplane.ai/v1alpha1
kind: InferenceEnvironment
metadata:
  name: east
  labels: {modelplane.ai/rdma: "true"}
  annotations: {modelplane.ai/lint-ignore: "RdmaUndeclared=a webhook gives the device"}
spec:
  cluster:
    source: Existing
    existing:
      secretRef: {name: east}
      nodePools: [{name: h100, nodeCount: 1, gpu: {acceleratorType: h100, acceleratorCount: 8, memory: 80Gi}}]
"#;

fn fleet(ignored: &str) -> String {
    FLEET.replace("{}", ignored)
}

#[test]
fn what_is_accepted_is_counted_and_no_more() {
    let all = fleet("PortArg=a proxy is in front; ModelTooLarge=it is quantized") + ENVIRONMENT;
    assert_eq!(run(&["-", "--strict"], &all), (Found::Clean, "0 errors, 0 warnings, 3 ignored in 2 objects\n".to_owned(), String::new()));
    assert_eq!(run(&["-", "-o", "github"], &all).1, "", "annotations are what is to be done");
}

#[test]
fn machines_are_told_why() {
    let all = fleet("PortArg=a proxy is in front") + ENVIRONMENT;
    let (_, out, _) = run(&["-", "-o", "json"], &all);
    let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
    let listed: Vec<Value> = listed.iter().map(|finding| json!([finding["rule"], finding["ignored"]])).collect();
    let expected = [
        json!(["ModelTooLarge", null]),
        json!(["PortArg", "a proxy is in front"]),
        json!(["RdmaUndeclared", "a webhook gives the device"]),
    ];
    assert_eq!(listed, expected);
    let sarif: Value = serde_json::from_str(&run(&["-", "-o", "sarif"], &all).1).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let suppressions: Vec<&Value> = results.iter().map(|result| &result["suppressions"]).collect();
    let inside = |reason: &str| json!([{"kind": "inSource", "justification": reason}]);
    assert_eq!(suppressions, [&json!([]), &inside("a proxy is in front"), &inside("a webhook gives the device")], "all have it or none");
}

#[test]
fn an_entry_that_is_left_over_has_its_line() {
    let place = "<stdin>:5:17: warning SuppressionUnused: metadata.annotations[\"modelplane.ai/lint-ignore\"]: ignores";
    let rest = "of which nothing is found here; remove the entry";
    let ignored = "PortArg=a proxy; KvRole=it is set; ModelTooLarge=it is quantized";
    let (found, alone, _) = run(&["-"], &fleet(ignored));
    let expected = format!("{place} KvRole, {rest}\n0 errors, 1 warning, 1 ignored in 1 object\n");
    assert_eq!((found, alone), (Found::Clean, expected), "without environments nobody knows whether the model is too large");
    let roomy = fleet(ignored) + &ENVIRONMENT.replace("80Gi", "180Gi");
    let (_, out, _) = run(&["-"], &roomy);
    let expected = format!("{place} KvRole, {rest}\n{place} ModelTooLarge, {rest}\n0 errors, 2 warnings, 2 ignored in 2 objects\n");
    assert_eq!(out, expected, "with them it is known");
}

#[test]
fn what_is_not_used_at_all_cannot_be_accepted() {
    let broken = fleet("SpecInvalid=we know").replace("image: \"vllm/vllm-openai:v0.32.0\"", "image: \"a b\"");
    let (found, out, _) = run(&["-"], &broken);
    let lines: Vec<&str> = out.lines().collect();
    let [spec, _port, invalid, total] = lines.as_slice() else { panic!("{out}") };
    assert!(spec.contains("error SpecInvalid: spec.serving[0].engine.image"), "{spec}");
    assert!(
        invalid.contains("warning SuppressionInvalid: metadata.annotations[\"modelplane.ai/lint-ignore\"]: ignores SpecInvalid,"),
        "{invalid}"
    );
    assert_eq!((found, *total), (Found::Errors, "2 errors, 1 warning in 1 object"));
}

#[test]
fn a_deployment_has_nothing_of_its_models_to_accept() {
    let deployment = "---\napiVersion: modelplane.ai/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: chat\n  namespace: team\n  annotations:\n    \
                      modelplane.ai/lint-ignore: PortArg=a proxy\nspec:\n  modelRef: {name: llama}\n  environments: 1\n";
    let (found, out, _) = run(&["-"], &(fleet("") + deployment));
    let lines: Vec<&str> = out.lines().collect();
    let [port, unused, total] = lines.as_slice() else { panic!("{out}") };
    assert!(port.contains("error PortArg"), "{port}");
    assert!(unused.starts_with("<stdin>:22:5: warning SuppressionUnused: "), "{unused}");
    assert_eq!((found, *total), (Found::Errors, "1 error, 1 warning in 2 objects"));
}
