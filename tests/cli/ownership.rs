//! Labels of two hands: one applies an object on the server, as Flux and Argo CD do, another labelled it.

use function_modelplane::cli::yaml_output::to_yaml;
use serde_json::{Value, json};

use super::change::{example, export, folder, list, run};

const RDMA: &str = "modelplane.ai/rdma";

/// What a field manager has of an environment: these labels, and the spec or not.
fn entry(manager: &str, operation: &str, time: &str, labels: &[&str], spec: bool) -> Value {
    let labels: Value = labels.iter().map(|label| (format!("f:{label}"), json!({}))).collect::<serde_json::Map<_, _>>().into();
    let spec = if spec { json!({"f:cluster": {}, "f:rdma": {}}) } else { json!({"f:crossplane": {"f:resourceRefs": {}}}) };
    json!({"manager": manager, "operation": operation, "time": time, "apiVersion": "modelplane.ai/v1alpha1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": labels}, "f:spec": spec}})
}

/// Applies `us-west` without its label for RDMA, and a new deployment that needs it there. Returns whether the deployment is placed, and
/// what is said to the side.
fn apply(metadata: impl Fn(&mut Value)) -> (bool, String) {
    let mut composites = export().0;
    // Who runs there is another matter.
    composites.retain(|object| object["kind"] != json!("ModelDeployment"));
    let west = composites.iter_mut().find(|object| object["metadata"]["name"] == json!("us-west")).unwrap();
    metadata(&mut west["metadata"]);
    let mut edited = west.clone();
    edited.as_object_mut().unwrap().remove("status");
    edited["metadata"] = json!({"name": "us-west", "labels": {"modelplane.ai/region": "us-west", "modelplane.ai/tier": "standard"}});
    let fixed = json!({"signal": "Fixed", "fixed": {"replicas": 1}});
    let new = json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "new", "namespace": "ml-team-a"},
        "spec": {"modelRef": {"name": "llama-70b"}, "environments": 1, "topology": "PrefillDecode", "scaling": fixed,
            "environmentSelector": {"matchLabels": {"modelplane.ai/region": "us-west"}}, "prefill": {"scaling": fixed}}});
    let (_live, live) = folder(&[("a.json", &list(&composites))]);
    let (_change, change) = folder(&[("a.yaml", &to_yaml(&edited).unwrap()), ("b.yaml", &to_yaml(&new).unwrap())]);
    let (_, out, err) = run(&["--live", &live, "--change", &change]);
    let placed = out.contains("\nml-team-a/new is placed on us-west (PrefillDecode)\n");
    assert!(placed || out.contains("\nml-team-a/new waits: 0/1 placed"), "{out}{err}");
    (placed, err.replace(&change, "CHANGE"))
}

#[test]
fn applying_takes_away_only_what_the_same_hand_wrote() {
    let flux = |labels: &[&str]| entry("kustomize-controller", "Apply", "2026-05-13T09:13:00Z", labels, true);
    let (own, all) = (["modelplane.ai/region", "modelplane.ai/tier"], ["modelplane.ai/region", "modelplane.ai/tier", RDMA]);
    let last_applied =
        |labels: Value| json!({"kubectl.kubernetes.io/last-applied-configuration": json!({"metadata": {"labels": labels}}).to_string()});
    let label = entry("kubectl-label", "Update", "2026-05-14T09:13:00Z", &[RDMA], false);
    let crossplane = entry("apiextensions.crossplane.io/composite/x", "Apply", "2026-06-01T00:00:00Z", &[], false);
    for (why, managed, annotations, placed) in [
        ("a label of kubectl label", json!([flux(&own), label]), json!({}), true),
        ("its own label, which it no longer writes", json!([flux(&all), crossplane]), json!({}), false),
        ("a label of both", json!([flux(&all), label]), json!({}), true),
        (
            "a label that another one applies without the spec",
            json!([flux(&own), entry("labeller", "Apply", "2026-06-01T00:00:00Z", &[RDMA], false)]),
            json!({}),
            true,
        ),
        (
            "who applied before somebody else took over",
            json!([entry("old", "Apply", "2026-01-01T00:00:00Z", &[RDMA], true), flux(&own)]),
            json!({}),
            true,
        ),
        (
            "what was created is never taken away by the first apply",
            json!([entry("kubectl-create", "Update", "", &all, true)]),
            json!({}),
            true,
        ),
        ("kubectl apply wrote it", json!([]), last_applied(json!({RDMA: "true"})), false),
        ("kubectl apply did not", json!([]), last_applied(json!({"modelplane.ai/tier": "standard"})), true),
        ("the server knows better than what kubectl left", json!([flux(&own), label]), last_applied(json!({RDMA: "true"})), true),
    ] {
        let found = apply(|metadata| {
            metadata["managedFields"] = managed.clone();
            metadata["annotations"] = annotations.clone();
        });
        assert_eq!(found, (placed, String::new()), "{why}");
    }
}

/// `kubectl get -o yaml` leaves managedFields out.
#[test]
fn what_nobody_knows_the_owner_of_stays_and_is_said() {
    let said = "CHANGE/a.yaml:2:1: InferenceEnvironment us-west keeps metadata.labels[\"modelplane.ai/rdma\"], which is not written here: whose \
                it is the export does not tell; export with --show-managed-fields\n";
    let found = apply(|_| {});
    assert_eq!((found.0, found.1.split_once(": ").map(|(_, text)| text)), (true, said.split_once(": ").map(|(_, text)| text)));
    assert!(found.1.starts_with("CHANGE/a.yaml:"), "{}", found.1);
}

/// A typing error would be a new object that nothing looks at.
#[test]
fn a_change_of_an_unknown_kind_is_bad_input() {
    let (_folder, change) = folder(&[("a.yaml", "apiVersion: modelplane.ai/v1alpha1\nkind: ClusterModle\nmetadata: {name: a}\n")]);
    let (verdict, out, err) = run(&["--live", &example("live"), "--change", &change]);
    let expected = format!("{change}/a.yaml:2:1: kind: is \"ClusterModle\"; did you mean ClusterModel?\n");
    assert_eq!((verdict.exit_code(), out.as_str(), err), (2, "", expected));
}
