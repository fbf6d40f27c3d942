//! The input of the function in a Composition beside manifests.

use function_modelplane::api::model_deployment::Topology;
use function_modelplane::domain::names::Stem;
use serde_json::{Value, json};

use super::change::{example, folder, run as change};
use super::running::run;

/// A Composition of deployments whose second step is ours.
fn composition(input: &Value) -> String {
    json!({"apiVersion": "apiextensions.crossplane.io/v1", "kind": "Composition", "metadata": {"name": "modeldeployments.modelplane.ai"},
        "spec": {"compositeTypeRef": {"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment"}, "mode": "Pipeline", "pipeline": [
            {"step": "other", "functionRef": {"name": "other"}, "input": {"apiVersion": "other.fn/v1", "kind": "Input", "rdma": 1}},
            {"step": "modelplane", "functionRef": {"name": "modelplane-function-modelplane"}, "input": input}]}})
    .to_string()
}

fn input(field: &str, value: &Value) -> Value {
    json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", field: value})
}

/// The example in which nothing has RDMA, whose profile does not ask for it.
fn no_rdma() -> String {
    format!("{}/examples/no-rdma", env!("CARGO_MANIFEST_DIR"))
}

/// With `rdma: Profile` the deployment is placed in the cluster, and was shown as not placed.
#[test]
fn an_input_counts_for_manifests_as_it_does_in_the_cluster() {
    let (_folder, profile) = folder(&[("composition.json", &composition(&input("rdma", &json!("Profile"))))]);
    assert_eq!(run(&["preview", &no_rdma()]).0, 1, "the default is to pin it");
    for command in ["preview", "explain"] {
        let (code, out, err) = run(&[command, &no_rdma(), &profile]);
        assert_eq!((code, err.as_str()), (0, ""), "{command}: {out}");
        assert!(out.contains("ml-team-a/chat: 1/1 placed"), "{command}: {out}");
    }
}

/// In a namespace that teams share names carry a hash, and Prometheus has to be asked about that one.
#[test]
fn prometheus_is_asked_about_the_namespace_on_the_cluster() {
    let (_folder, shared) = folder(&[("composition.json", &composition(&input("remoteNamespace", &json!("models"))))]);
    let (_, out, _) = run(&["explain", &format!("{}/examples/llama-405b", env!("CARGO_MANIFEST_DIR")), &shared]);
    let serving = Stem::new("ml-team-a", "llama-405b-prod", true).serving(Topology::PrefillDecode);
    assert_eq!(out.matches(&format!("{{namespace=\"models\",pod=~\"{serving}-kserve-")).count(), 3, "{out}");
}

#[test]
fn a_wrong_input_is_said_once_with_its_place_in_every_mode() {
    let wrong = [
        (input("rdma", &json!("Wrong")), "spec.pipeline[1].input.rdma: unknown value `Wrong`"),
        (input("maxRejections", &json!(1001)), "spec.pipeline[1].input.maxRejections: is 1001; "),
        (input("rmda", &json!("Pin")), "spec.pipeline[1].input.rmda: unknown field, did you mean `rdma`?"),
        (json!({"apiVersion": "modelplane.fn.crossplane.io/v1", "kind": "Input"}), "spec.pipeline[1].input.apiVersion: is \"modelplane.fn"),
        (json!({"rdma": "Wrong"}), "spec.pipeline[1].input.rdma: unknown value `Wrong`"),
    ];
    for (input, expected) in wrong {
        let (_folder, path) = folder(&[("composition.json", &composition(&input))]);
        let at = |text: &str| text.contains(&format!("{path}/composition.json:1:")) && text.matches(expected).count() == 1;
        for words in [["preview", &no_rdma(), &path], ["explain", &no_rdma(), &path]] {
            let (code, out, err) = run(&words);
            assert!(code == 2 && out.is_empty() && at(&err) && err.lines().count() == 1, "{words:?}: {code}: {out}{err}");
        }
        let (code, out, err) = run(&["lint", &no_rdma(), &path]);
        assert!(code == 1 && at(&out) && err.is_empty(), "lint: {out}{err}");
        let (verdict, out, err) = change(&["--live", &example("live"), "--change", &path]);
        assert!(verdict.exit_code() == 1 && at(&out), "change: {out}{err}");
    }
}
