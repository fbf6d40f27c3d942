//! Nothing is deleted by accident: what serves stays exactly as it is, whatever is missing.

use function_modelplane::function::proto::{Resource, Severity};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{cluster, environment, settled};

/// The spec of every serving object that is wanted, by key.
fn serving(desired: &std::collections::BTreeMap<String, Value>) -> Vec<(String, Value)> {
    desired.iter().filter(|(key, _)| key.ends_with("-pd")).map(|(key, object)| (key.clone(), object["spec"].clone())).collect()
}

/// Whatever `harm` does, both serving objects stay as they are; returns the reason in the status of the one in `east`.
fn frozen(why: &str, harm: impl FnOnce(&mut Cluster)) -> Value {
    let mut cluster = settled();
    let before = serving(&cluster.composed);
    harm(&mut cluster);
    let mut reason = Value::Null;
    for _ in 0..3 {
        let reconciled = cluster.reconcile();
        assert_eq!(reconciled.fatal(), None, "{why}");
        assert_eq!(serving(&reconciled.desired()), before, "{why}");
        let items = reconciled.status()["placements"]["items"].clone();
        reason = items.as_array().unwrap().iter().find(|item| item["environment"] == json!("east")).unwrap()["reason"].clone();
    }
    assert_eq!(cluster.reconcile().results(), vec![], "{why}: said once");
    reason
}

#[test]
fn a_placement_is_left_as_it_is_while_anything_it_needs_is_missing() {
    type Harm = fn(&mut Cluster);
    let cases: [(&str, Harm, &str); 7] = [
        ("its environment was deleted", |cluster| cluster.delete("InferenceEnvironment", "east"), "EnvironmentGone"),
        (
            "its environment breaks a rule",
            |cluster| cluster.change("InferenceEnvironment", "east", |object| object["spec"]["cluster"] = json!({"source": "Existing"})),
            "EnvironmentInvalid",
        ),
        (
            "its environment lost its provider config",
            |cluster| cluster.change("InferenceEnvironment", "east", |object| object["status"]["providerConfigRef"] = json!({})),
            "ProviderConfigGone",
        ),
        (
            "its environment became the local cluster, and would be rendered under another key",
            |cluster| cluster.change("InferenceEnvironment", "east", |object| object["spec"]["cluster"] = json!({"source": "Local"})),
            "EnvironmentChanged",
        ),
        (
            "its pool was renamed",
            |cluster| {
                cluster
                    .change("InferenceEnvironment", "east", |object| object["status"]["capacity"]["gpuPools"][0]["name"] = json!("other"));
            },
            "PoolGone",
        ),
        (
            "its profile was renamed",
            |cluster| cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][0]["name"] = json!("other")),
            "ProfileGone",
        ),
        (
            "its profile was edited into nonsense",
            |cluster| cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][0]["engine"]["image"] = json!("{{ x }}")),
            "ProfileInvalid",
        ),
    ];
    for (why, harm, reason) in cases {
        assert_eq!(frozen(why, harm), json!(reason), "{why}");
    }
}

#[test]
fn what_goes_away_for_a_moment_moves_nothing() {
    let mut cluster = settled();
    // The label that goes away is asked for by the deployment, too.
    cluster.composite["spec"]["environmentSelector"] = json!({"matchLabels": {"modelplane.ai/rdma": "true"}});
    cluster.reconcile();
    let before = cluster.dry_run().desired();
    let steps: [fn(&mut Cluster); 4] = [
        |cluster| cluster.composite["status"] = Value::Null,
        |cluster| cluster.change("InferenceEnvironment", "east", |object| object["metadata"]["labels"] = json!({})),
        |cluster| cluster.change("InferenceEnvironment", "east", |object| object["status"]["capacity"]["gpuPools"][0]["nodes"] = json!(0)),
        |cluster| cluster.objects.push(environment("aaa")),
    ];
    for step in steps {
        step(&mut cluster);
        assert_eq!(cluster.reconcile().desired(), before);
    }
}

#[test]
fn without_a_model_nothing_changes_while_anything_serves() {
    let mut cluster = settled();
    let before = cluster.composed.clone();
    cluster.delete("ClusterModel", "llama");
    let reconciled = cluster.reconcile();
    assert_eq!(reconciled.fatal().as_deref(), Some("spec.modelRef: ClusterModel llama does not exist; create it or name another"));
    let kinds: Vec<_> = reconciled.conditions().into_iter().map(|(kind, status, _)| (kind, status)).collect();
    let expected = [
        ("ModelResolved", "False"),
        ("ProfileValid", "Unknown"),
        ("PlacementsScheduled", "False"),
        ("DecodeReady", "Unknown"),
        ("PrefillReady", "Unknown"),
        ("PlacementsReady", "Unknown"),
    ];
    assert_eq!(kinds, expected.map(|(kind, status)| (kind.to_owned(), status)));
    assert_eq!(cluster.composed, before);
}

#[test]
fn without_a_model_and_without_placements_it_is_said_once_and_is_not_ready() {
    let mut cluster = cluster(1);
    cluster.delete("ClusterModel", "llama");
    let reconciled = cluster.reconcile();
    let said = "PlacementsScheduled: spec.modelRef: ClusterModel llama does not exist; create it or name another";
    assert_eq!(reconciled.results(), vec![(Severity::Warning, said.to_owned())]);
    assert!(reconciled.held_back() && reconciled.desired().is_empty(), "a composite without resources would else be Ready");
    assert_eq!(cluster.reconcile().results(), vec![]);
}

#[test]
fn when_every_environment_vanishes_nothing_changes() {
    let mut cluster = settled();
    let before = cluster.composed.clone();
    cluster.delete("InferenceEnvironment", "east");
    cluster.delete("InferenceEnvironment", "west");
    assert!(cluster.reconcile().fatal().unwrap().starts_with("cannot decide: no InferenceEnvironment exists"));
    assert_eq!(cluster.composed, before);
}

#[test]
fn a_replacement_is_ready_before_the_old_placement_leaves() {
    let mut cluster = settled();
    cluster.objects.push(environment("north"));
    cluster.delete("InferenceEnvironment", "east");
    let moving = cluster.reconcile().desired();
    let keys: Vec<&str> = moving.keys().map(String::as_str).filter(|key| key.ends_with("-pd")).collect();
    assert_eq!(keys, ["object-east-pd", "object-north-pd", "object-west-pd"]);
    cluster.reconcile();
    cluster.report("object-north-pd", true, true, true);
    let moved = cluster.reconcile().desired();
    let keys: Vec<&str> = moved.keys().map(String::as_str).filter(|key| key.ends_with("-pd")).collect();
    assert_eq!(keys, ["object-north-pd", "object-west-pd"]);
}

#[test]
fn a_topology_switch_keeps_the_old_placement_until_the_new_one_is_ready() {
    let mut cluster = cluster(1);
    cluster.reconcile();
    cluster.report("object-east-pd", true, true, true);
    cluster.reconcile();
    cluster.composite["spec"]["topology"] = json!("Unified");
    cluster.composite["spec"].as_object_mut().unwrap().remove("prefill");
    cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1);
    let switching = cluster.reconcile();
    let keys: Vec<String> = switching.desired().into_keys().filter(|key| !key.starts_with("namespace")).collect();
    assert_eq!(keys, ["object-east-pd", "object-west-unified"], "beside the old one, where most GPUs are free");
    let kinds = switching.conditions();
    assert!(kinds.contains(&("PrefillReady".to_owned(), "Unknown", "NotApplicable".to_owned())), "Crossplane never removes a condition");
    cluster.report("object-west-unified", true, true, true);
    let keys: Vec<String> = cluster.reconcile().desired().into_keys().filter(|key| !key.starts_with("namespace")).collect();
    assert_eq!(keys, ["object-west-unified"]);
}

#[test]
fn a_resource_of_an_earlier_step_under_our_key_is_refused() {
    let mut cluster = cluster(1);
    cluster.earlier.resources.insert("object-east-pd".to_owned(), Resource::default());
    let fatal = cluster.reconcile().fatal();
    assert_eq!(
        fatal.as_deref(),
        Some("composed resource object-east-pd is wanted by an earlier step of the pipeline already; rename it there")
    );
}

#[test]
fn what_another_function_composed_and_no_step_wants_is_not_deleted() {
    let placement = json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelPlacement", "metadata": {"name": "chat-east"}});
    let wrapped = json!({
        "apiVersion": "kubernetes.m.crossplane.io/v1alpha1", "kind": "Object", "metadata": {"name": "o"},
        "spec": {"forProvider": {"manifest": {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService", "metadata": {"name": "s"}}}},
    });
    for (key, object, named) in
        [("placement-east", placement, "placement-east (ModelPlacement chat-east)"), ("model", wrapped, "model (Object o)")]
    {
        let mut cluster = cluster(1);
        cluster.composed.insert(key.to_owned(), object);
        assert!(cluster.dry_run().fatal().unwrap().contains(named));
        cluster.earlier.resources.insert(key.to_owned(), Resource::default());
        assert_eq!(cluster.dry_run().fatal(), None, "an earlier step still wants it");
    }
}

#[test]
fn specs_that_break_rules_change_nothing() {
    let cases = [
        (json!({"environments": 0}), "spec.environments: is 0; set it to 1 to 100"),
        (json!({"environments": "two"}), "spec.environments: invalid type: string \"two\", expected a whole number"),
        (json!({"topolgy": "Unified"}), "spec.topolgy: unknown field, did you mean `topology`?"),
        (json!({"prefill": null}), "spec.prefill: is missing"),
        (
            json!({"scaling": {"signal": "WVA", "wva": {"minReplicas": 3, "maxReplicas": 2}}}),
            "spec.scaling.wva.minReplicas: is 3; set it to at most maxReplicas, 2",
        ),
    ];
    for (change, message) in cases {
        let mut cluster = settled();
        let before = cluster.composed.clone();
        for (field, value) in change.as_object().unwrap() {
            cluster.composite["spec"][field] = value.clone();
        }
        let fatal = cluster.reconcile().fatal().unwrap_or_default();
        assert!(fatal.starts_with(message), "{fatal}");
        assert_eq!(cluster.composed, before);
    }
}
