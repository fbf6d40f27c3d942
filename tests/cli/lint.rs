//! `lint`, as people and machines run it.

use clap::Parser as _;
use function_modelplane::cli::lint::{Found, Lint, lint};
use function_modelplane::domain::lint::Code;
use serde_json::{Value, json};

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    lint: Lint,
}

pub(super) fn run(words: &[&str], stdin: &str) -> (Found, String, String) {
    let command = Command::parse_from(std::iter::once("lint").chain(words.iter().copied()));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let found = lint(&command.lint, &mut stdin.as_bytes(), &mut out, &mut err).unwrap();
    (found, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// A model that forgets its connector in prefill, and a deployment with a typing error.
const BROKEN: &str = r#"apiVersion: modelplane.ai/v1alpha1
kind: ClusterModel
metadata: {name: llama}
spec:
  model: {name: meta-llama/Llama}
  source: HuggingFace
  huggingFace: {repo: meta-llama/Llama}
  resources: {vram: 140Gi}
  serving:
    - name: disaggregated
      topology: PrefillDecode
      environmentSelector: {matchLabels: {modelplane.ai/rdma: "true"}}
      engine:
        name: vLLM
        image: vllm/vllm-openai:v0.19.0
        args:
          - --tensor-parallel-size=4
          - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}
      resources: {gpu: 4}
      prefill:
        engine:
          name: vLLM
          image: vllm/vllm-openai:v0.19.0
          args:
            - --tensor-parallel-size=4
            - --port=9000
        resources: {gpu: 4}
---
apiVersion: modelplane.ai/v1alpha1
kind: ModelDeployment
metadata: {name: chat, namespace: team}
spec:
  modelRef: {name: llama}
  environments: 1
  topolgy: PrefillDecode
"#;

#[test]
fn the_truth_about_the_proposals_own_resources() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/llama-405b");
    let (found, out, err) = run(&[folder], "");
    assert_eq!((found, err.as_str()), (Found::Errors, ""));
    insta::assert_snapshot!(out.replace(concat!(env!("CARGO_MANIFEST_DIR"), "/"), ""));
}

#[test]
fn the_example_to_copy_is_clean_also_where_warnings_count() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/llama-70b");
    assert_eq!(
        run(&[folder, "--strict"], ""),
        (Found::Clean, "0 errors, 0 warnings in 3 objects; 1 of another kind is skipped\n".to_owned(), String::new())
    );
}

#[test]
fn every_finding_has_its_line_and_its_rule() {
    let (found, out, err) = run(&["-"], BROKEN);
    assert_eq!((found, err.as_str()), (Found::Errors, ""));
    let lines: Vec<&str> = out.lines().collect();
    let [port, connector, typing, total] = lines.as_slice() else { panic!("{out}") };
    let path = "spec.serving[0].prefill.engine.args";
    let expected = format!(
        "<stdin>:26:15: error PortArg: {path}[1]: --port is KServe's: prefill must listen on 8000, or it never becomes ready; remove it"
    );
    assert_eq!(*port, expected);
    assert!(connector.starts_with(&format!("<stdin>:24:11: error KvConnectorMissing: {path}: ")), "{connector}");
    assert!(typing.starts_with("<stdin>:35:3: error SpecInvalid: spec.topolgy: unknown field, did you mean `topology`?"), "{typing}");
    assert_eq!(*total, "3 errors, 0 warnings in 2 objects");
}

#[test]
fn machines_read_the_same() {
    let (_, out, _) = run(&["-", "-o", "json"], BROKEN);
    let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
    let first = &listed[0];
    let fields = ["file", "line", "column", "kind", "namespace", "name", "rule", "severity", "path"].map(|field| first[field].clone());
    let args = "spec.serving[0].prefill.engine.args[1]";
    let expected = json!(["<stdin>", 26, 15, "ClusterModel", null, "llama", "PortArg", "error", args]);
    assert_eq!(Value::Array(fields.to_vec()), expected);
    assert_eq!(
        listed.iter().map(|finding| finding["rule"].as_str().unwrap()).collect::<Vec<_>>(),
        ["PortArg", "KvConnectorMissing", "SpecInvalid"]
    );
}

#[test]
fn code_scanners_get_every_rule_and_every_result() {
    let (found, out, _) = run(&["-", "-o", "sarif"], BROKEN);
    let sarif: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((found, &sarif["version"]), (Found::Errors, &json!("2.1.0")));
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Code::ALL.len());
    let page = |rule: &Value| format!("{}/blob/main/docs/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), rule["id"].as_str().unwrap());
    assert!(rules.iter().all(|rule| rule["helpUri"] == json!(page(rule))), "each has a page");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["ruleId"], &results[0]["level"]), (3, &json!("PortArg"), &json!("error")));
    let place = json!({"artifactLocation": {"uri": "<stdin>"}, "region": {"startLine": 26, "startColumn": 15}});
    assert_eq!(results[0]["locations"], json!([{"physicalLocation": place}]));
}

#[test]
fn github_shows_each_beside_its_line() {
    let (_, out, _) = run(&["-", "-o", "github"], BROKEN);
    let first = out.lines().next().unwrap();
    assert!(first.starts_with("::error file=<stdin>,line=26,col=15,title=PortArg::spec.serving[0].prefill.engine.args[1]: "), "{first}");
    assert_eq!(out.lines().count(), 3, "no total, which would be no command");
}

#[test]
fn a_warning_counts_only_where_it_is_asked_to() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/no-rdma");
    assert_eq!(run(&[folder], "").0, Found::Clean);
    assert_eq!(run(&[folder, "--strict"], "").0, Found::Errors);
}

#[test]
fn what_cannot_be_read_is_bad_input() {
    let of_others = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    for (text, expected) in [
        ("a: [", "<stdin>:1:"),
        ("- 1\n", "no object of modelplane.ai/v1alpha1 in these manifests"),
        ("kind: ClusterModel\nspec: {}\n", "<stdin>:1:1: apiVersion is missing: "),
        ("apiVersion: modelplane.ai/v1alpha1\nkind: Model\n", "<stdin>:1:1: metadata.name is missing: "),
        (of_others, "no object of modelplane.ai/v1alpha1 in these manifests"),
    ] {
        let (found, out, err) = run(&["-"], text);
        assert_eq!((found, out.as_str()), (Found::BadInput, ""), "{text}");
        assert!(err.starts_with(expected), "{err}");
    }
}

/// What is of our group and nobody knows would otherwise pass for valid.
#[test]
fn an_unknown_kind_or_version_of_ours_is_an_error() {
    let (found, out, _) = run(&["-"], "apiVersion: modelplane.ai/v1alpha1\nkind: ClusterModle\nmetadata: {name: a}\n");
    let expected =
        "<stdin>:2:1: error SpecInvalid: kind: is \"ClusterModle\"; did you mean ClusterModel?\n1 error, 0 warnings in 1 object\n";
    assert_eq!((found, out.as_str()), (Found::Errors, expected));
    let (_, out, _) = run(&["-"], "apiVersion: modelplane.ai/v2\nkind: ClusterModel\nmetadata: {name: a}\n");
    assert!(
        out.starts_with("<stdin>:1:1: error SpecInvalid: apiVersion: is \"modelplane.ai/v2\"; write modelplane.ai/v1alpha1\n"),
        "{out}"
    );
}
