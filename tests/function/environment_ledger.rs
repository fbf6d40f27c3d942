//! What an environment's own call sums up, whoever wrote what it reads: every team sees the sum, and decides by it.

use function_modelplane::function::run;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{deployment, environment, standing};

/// An environment with a pool of two nodes of eight GPUs, before its first reconcile.
fn declared() -> Value {
    let mut declared = environment("east");
    let gpu = json!({"acceleratorType": "nvidia-h200", "acceleratorCount": 8, "memory": "141Gi"});
    declared["spec"]["cluster"]["existing"]["nodePools"] = json!([{"name": "h200", "nodeCount": 2, "gpu": gpu}]);
    declared.as_object_mut().unwrap().remove("status");
    declared
}

/// What is summed up of objects.
fn ledger(objects: Vec<Value>) -> Value {
    Cluster::new(declared(), objects).dry_run().status()["ledger"].clone()
}

/// A sum of the one pool, whose pods have one GPU each, where something stands that was ready once.
fn sum(placements: u32, held: u32, starting: &Value) -> Value {
    let gpus = json!({"total": 16, "held": held, "free": 16 - held, "missing": 0});
    let pods = json!([{"gpusPerReplica": 1, "replicas": held}]);
    let mut sum = json!({"placements": placements, "unlabelled": 0, "gpus": gpus, "pools": [{"name": "h200", "gpus": gpus, "pods": pods}]});
    if starting != &json!([]) {
        sum["starting"] = starting.clone();
    }
    sum
}

/// A placement that was not ready yet, with so many pods of one GPU.
fn starting(name: &str, replicas: u32, created: &str) -> Value {
    json!({"uid": format!("uid-of-{name}"), "created": created,
           "pods": [{"pool": "h200", "gpusPerReplica": 1, "replicas": replicas}]})
}

#[test]
fn what_stands_there_is_summed_up_without_names() {
    let objects = vec![
        standing("secret-project", "east", 4, true, "2026-01-03T00:00:00Z"),
        standing("young", "east", 2, false, "2026-01-02T00:00:00Z"),
        standing("old", "east", 3, false, "2026-01-01T00:00:00Z"),
        standing("elsewhere", "west", 5, true, "2026-01-01T00:00:00Z"),
    ];
    let both = json!([starting("old", 3, "2026-01-01T00:00:00Z"), starting("young", 2, "2026-01-02T00:00:00Z")]);
    assert_eq!(ledger(objects.clone()), sum(3, 9, &both), "the oldest first, whatever order they come in");
    assert_eq!(ledger(objects.into_iter().rev().collect()), sum(3, 9, &both));
}

#[test]
fn more_than_there_is_is_missing() {
    let gpus = json!({"total": 16, "held": 20, "free": 0, "missing": 4});
    let objects = ["a", "b"].map(|name| standing(name, "east", 10, true, "2026-01-01T00:00:00Z"));
    assert_eq!(ledger(objects.into())["gpus"], gpus);
}

/// A label is written by whoever may write an object; the reference to the composite that controls it, by Crossplane.
#[test]
fn what_no_deployment_composed_holds_nothing() {
    type Forge = fn(&mut Value);
    let forgeries: [(&str, Forge); 5] = [
        ("no owner", |object| _ = object["metadata"].as_object_mut().unwrap().remove("ownerReferences")),
        ("an owner that does not control it", |object| object["metadata"]["ownerReferences"][0]["controller"] = json!(false)),
        ("an owner of another kind", |object| object["metadata"]["ownerReferences"][0]["kind"] = json!("Deployment")),
        ("an owner of another group", |object| object["metadata"]["ownerReferences"][0]["apiVersion"] = json!("example.org/v1")),
        ("owners that are no list", |object| object["metadata"]["ownerReferences"] = json!("all")),
    ];
    let honest = || standing("honest", "east", 4, true, "2026-01-01T00:00:00Z");
    for (what, forge) in forgeries {
        let mut forged = standing("forged", "east", 12, true, "2020-01-01T00:00:00Z");
        forge(&mut forged);
        assert_eq!(ledger(vec![honest(), forged]), sum(1, 4, &json!([])), "{what}");
    }
}

/// What was ready once is never asked to yield: so that is believed only of what Crossplane and the provider keep as it was made.
#[test]
fn what_nobody_keeps_as_it_was_made_counts_as_not_ready_yet() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 4] = [
        ("paused", |object| object["metadata"]["annotations"]["crossplane.io/paused"] = json!("true")),
        ("not applied", |object| object["status"]["conditions"][0]["status"] = json!("False")),
        ("of an object that is gone", |object| {
            let record = object["metadata"]["annotations"]["modelplane.ai/placement"].as_str().unwrap();
            let mut record: Value = serde_json::from_str(record).unwrap();
            record["uid"] = json!("another");
            object["metadata"]["annotations"]["modelplane.ai/placement"] = json!(record.to_string());
        }),
        ("without a record", |object| {
            _ = object["metadata"]["annotations"].as_object_mut().unwrap().remove("modelplane.ai/placement");
            object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        }),
    ];
    for (what, change) in changes {
        let mut object = standing("a", "east", 4, true, "2026-01-01T00:00:00Z");
        change(&mut object);
        assert_eq!(ledger(vec![object]), sum(1, 4, &json!([starting("a", 4, "2026-01-01T00:00:00Z")])), "{what}");
    }
}

/// The record says what was decided, the object what runs.
#[test]
fn a_record_does_not_make_a_placement_smaller_than_its_object() {
    let mut object = standing("a", "east", 4, true, "2026-01-01T00:00:00Z");
    let record = json!({"model": {"kind": "ClusterModel", "name": "llama"}, "profile": "plain", "settled": true,
                        "decode": {"pool": "h200", "gpusPerReplica": 1, "replicas": 1}});
    object["metadata"]["annotations"]["modelplane.ai/placement"] = json!(record.to_string());
    assert_eq!(ledger(vec![object.clone()])["gpus"]["held"], json!(4));
    object["spec"]["forProvider"]["manifest"]["spec"].as_object_mut().unwrap().remove("replicas");
    assert_eq!(ledger(vec![object])["gpus"]["held"], json!(1), "where KEDA decides, the object does not say");
}

/// While v0.1.0 is being replaced its placements have no label, and only the statuses of their deployments tell of them.
#[test]
fn what_an_older_version_placed_counts_until_it_is_labelled() {
    let mut old = deployment(1);
    old["metadata"]["name"] = json!("old");
    old["metadata"]["uid"] = json!("uid-of-old");
    let phase = json!({"pool": "h200", "gpusPerReplica": 1, "replicas": 2, "ready": true});
    old["status"] = json!({"placements": {"items": [
        {"environment": "east", "topology": "PrefillDecode", "profile": "plain", "ready": true, "settled": true, "decode": phase, "prefill": phase},
    ]}});
    let mut cluster = Cluster::new(declared(), vec![old, standing("new", "east", 4, true, "2026-01-01T00:00:00Z")]);
    let asked = |cluster: &Cluster| run(&cluster.request()).0.requirements.unwrap().resources.into_keys().collect::<Vec<_>>();
    let everybody = ["deployments", "placements-Object-east"];
    assert_eq!(asked(&cluster), everybody);
    let first = cluster.reconcile();
    let mut expected = sum(2, 8, &json!([]));
    expected["unlabelled"] = json!(1);
    assert_eq!(first.status()["ledger"], expected);
    assert_eq!(asked(&cluster), everybody, "one is not labelled yet");
    let mut labelled = standing("old", "east", 2, true, "2026-01-01T00:00:00Z");
    let manifest = &mut labelled["spec"]["forProvider"]["manifest"]["spec"];
    manifest["prefill"] = manifest.clone();
    cluster.objects.push(labelled);
    let second = cluster.reconcile();
    assert_eq!(second.status()["ledger"], sum(2, 8, &json!([])), "it is not counted twice");
    assert_eq!(asked(&cluster), ["placements-Object-east"]);
}

/// Whatever its last answer requires is watched since Crossplane 2.4: each write of a serving object would be an event.
#[test]
fn the_last_answer_requires_nothing() {
    let mut cluster = Cluster::new(declared(), vec![standing("a", "east", 4, true, "2026-01-01T00:00:00Z")]);
    for seeds in [false, true] {
        cluster.seeds = seeds;
        let done = cluster.reconcile();
        assert_eq!((done.calls, done.response.requirements.as_ref()), (3, None), "seeding {seeds}");
        assert_eq!(done.response.context.unwrap_or_default().len(), 0, "what was carried is gone");
    }
}

/// Somebody may have written the status by hand: it is written again.
#[test]
fn a_damaged_ledger_is_written_again() {
    let objects = vec![standing("a", "east", 4, true, "2026-01-01T00:00:00Z")];
    for damaged in [json!("full"), json!({"pools": "none"}), json!({"gpus": null, "pools": [null]}), json!({"placements": -1})] {
        let mut environment = declared();
        environment["status"] = json!({"ledger": damaged});
        let summed = Cluster::new(environment, objects.clone()).dry_run();
        assert_eq!(summed.status()["ledger"], sum(1, 4, &json!([])), "{damaged}");
    }
}
