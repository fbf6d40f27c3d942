//! What cannot be read as it should: an error where anything might be deleted, as much as can be read where not.

use function_modelplane::function::Outcome;
use function_modelplane::function::proto::Resource;
use function_modelplane::function::run;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{cluster, environment, settled};

/// Ways to leave open what an object is.
fn damage(object: &Value) -> Vec<(Value, &'static str)> {
    let with = |pointer: &str, field: &str, value: Value| {
        let mut damaged = object.clone();
        damaged.pointer_mut(pointer).unwrap()[field] = value;
        damaged
    };
    let mut nameless = object.clone();
    nameless.as_object_mut().unwrap().remove("kind");
    vec![
        (with("", "kind", json!(7)), "kind: invalid type: integer `7`, expected a string"),
        (with("", "apiVersion", json!({})), "apiVersion: invalid type: object, expected a string"),
        (with("/metadata", "name", json!(true)), "metadata.name: invalid type: boolean `true`, expected a string"),
        (with("", "metadata", json!("none")), "metadata: invalid type: string \"none\", expected an object"),
        (nameless, "kind: is missing"),
    ]
}

#[test]
fn a_resource_under_our_key_that_nobody_can_tell_what_it_is_stops_everything() {
    // Taken for absent, its GPUs are free for others, and it is placed anew beside itself.
    for (damaged, what) in damage(&settled().composed["object-east-pd"]) {
        let mut cluster = settled();
        cluster.composed.insert("object-east-pd".to_owned(), damaged);
        assert_eq!(cluster.dry_run().fatal(), Some(format!("cannot read composed resource object-east-pd: {what}")));
    }
    let mut request = settled().request();
    request.observed.as_mut().unwrap().resources.insert("object-east-pd".to_owned(), Resource::default());
    let (_, report) = run(&request);
    let expected = (Outcome::Fatal, Some("cannot read composed resource object-east-pd: kind: is missing".to_owned()));
    assert_eq!((report.outcome, report.message), expected, "one without an object");
}

#[test]
fn so_does_one_that_might_be_left_to_be_deleted() {
    let placement = json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelPlacement", "metadata": {"name": "chat-east"}});
    for (damaged, what) in damage(&placement) {
        let fatal = Some(format!("cannot read composed resource theirs: {what}"));
        for composite in [settled(), Cluster::new(environment("east"), Vec::new())] {
            let mut cluster = composite;
            cluster.composed.insert("theirs".to_owned(), damaged.clone());
            assert_eq!(cluster.dry_run().fatal(), fatal);
            cluster.earlier.resources.insert("theirs".to_owned(), Resource::default());
            assert_eq!(cluster.dry_run().fatal(), None, "an earlier step wants it, and knows what it is");
        }
    }
}

#[test]
fn what_an_object_holds_is_known_by_its_kind_however_odd_the_rest() {
    let mut cluster = cluster(1);
    let service = json!({"apiVersion": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService", "metadata": {"generation": "one"}});
    let object = json!({
        "apiVersion": "kubernetes.m.crossplane.io/v1alpha1", "kind": "Object", "metadata": {"name": "o"},
        "spec": {"forProvider": {"manifest": service}},
    });
    cluster.composed.insert("theirs".to_owned(), object);
    assert!(cluster.dry_run().fatal().unwrap().starts_with("cannot take over: theirs (Object o) would be deleted"));
}

#[test]
fn what_others_hold_is_counted_as_far_as_it_can_be_read() {
    let phase = |pool: &str, replicas: u32| json!({"pool": pool, "gpusPerReplica": 4, "replicas": replicas});
    let item = |environment: &str| json!({"environment": environment, "topology": "Unified", "decode": phase("h200", 4)});
    let both = json!([item("east"), item("west")]);
    let with = |field: &str, value: Value| {
        let mut items = both.clone();
        items[0][field] = value;
        items
    };
    let free = ["east", "west"];
    let cases: [(&str, Value, &[&str]); 7] = [
        ("nothing is wrong", both.clone(), &[]),
        ("a newer version has another topology, which holds its GPUs all the same", with("topology", json!("Sharded")), &[]),
        ("something else of an item is odd", with("environmentSelector", json!("all")), &[]),
        ("one phase is odd, and the other is not", with("prefill", json!(["h200"])), &[]),
        ("one item is odd, and the other is not", json!([7, item("west")]), &["east"]),
        ("an item says nothing of where", json!([{"decode": phase("h200", 4)}, item("west")]), &["east"]),
        ("there are no items at all", json!("none"), &free),
    ];
    for (why, items, expected) in cases {
        let mut cluster = left_by_an_older_version(2);
        cluster.objects.push(json!({
            "apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "other", "namespace": "team"},
            "status": {"placements": {"items": items}, "scheduling": "odd", "conditions": "odd"},
        }));
        let desired = cluster.dry_run().desired();
        let placed: Vec<&str> = free.into_iter().filter(|name| desired.contains_key(&format!("object-{name}-pd"))).collect();
        assert_eq!(placed, expected, "{why}");
    }
}

/// Environments without a sum: v0.1.0 kept what is held in the status of each deployment only.
fn left_by_an_older_version(environments: u32) -> Cluster {
    let mut cluster = cluster(environments);
    for name in ["east", "west"] {
        cluster.change("InferenceEnvironment", name, |object| _ = object["status"].as_object_mut().unwrap().remove("ledger"));
    }
    cluster.stale = true;
    cluster
}

#[test]
fn what_was_ready_once_is_known_to_be_so_however_odd_the_rest() {
    // Of two holders of too few GPUs the one that was never ready yields, not the younger one that was.
    for topology in ["Unified", "Sharded"] {
        let mut cluster = left_by_an_older_version(1);
        assert!(cluster.reconcile().desired().contains_key("object-east-pd"));
        let decode = json!({"pool": "h200", "gpusPerReplica": 4, "replicas": 4});
        cluster.objects.push(json!({
            "apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment",
            "metadata": {"name": "other", "namespace": "team", "creationTimestamp": "2026-06-01T00:00:00Z"},
            "status": {"placements": {"items": [{"environment": "east", "topology": topology, "settled": true, "decode": decode}]}},
        }));
        cluster.sum_up();
        assert!(cluster.dry_run().desired().contains_key("object-west-pd"), "{topology}");
    }
}
