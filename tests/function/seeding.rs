//! Crossplane v2.4: a reconcile begins with what the last one required, under the same keys.

use bytes::Bytes;
use function_modelplane::function::proto::RunFunctionRequest;
use function_modelplane::function::run;
use function_modelplane::structs::to_struct;
use serde_json::json;

use super::cluster::Cluster;
use super::fleet::{cluster, environment, model, settled};

fn required(cluster: &Cluster) -> Vec<&str> {
    cluster.tracked.keys().map(String::as_str).collect()
}

#[test]
fn another_model_is_looked_for_whatever_became_of_the_one_before() {
    for what in ["gone", "broken"] {
        let mut cluster = settled().seeding();
        cluster.reconcile();
        match what {
            "gone" => cluster.delete("ClusterModel", "llama"),
            _ => cluster.change("ClusterModel", "llama", |model| model["spec"]["serving"] = json!("none")),
        }
        assert!(cluster.reconcile().fatal().is_some(), "{what}: nothing may change");
        let mut other = model();
        other["metadata"]["name"] = json!("other");
        cluster.objects.push(other);
        cluster.composite["spec"]["modelRef"]["name"] = json!("other");
        let healed = cluster.reconcile();
        assert_eq!(healed.fatal(), None, "{what}: the answer to the old name is no answer to the new one");
        assert_eq!(healed.status()["placements"]["summary"], json!("2/2"), "{what}");
    }
}

#[test]
fn at_rest_it_asks_for_its_own_though_it_was_given_more() {
    let mut cluster = settled().seeding();
    cluster.composite["spec"]["environments"] = json!(3);
    cluster.objects.push(environment("south"));
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.report("object-south-pd", true, true, true);
    let own = ["environment-east", "environment-south", "environment-west", "model-ClusterModel-llama"];
    for _ in 0..2 {
        cluster.reconcile();
    }
    assert_eq!(required(&cluster), own);
    let last = cluster.reconcile();
    assert_eq!((last.calls, last.report.iteration), (1, 1), "it was given all that it needs");
}

#[test]
fn the_calls_of_a_reconcile_are_counted() {
    let mut cluster = cluster(2).seeding();
    let first = cluster.reconcile();
    assert_eq!((first.calls, first.report.iteration), (3, 3));
    cluster.delete("InferenceEnvironment", "east");
    let again = cluster.reconcile();
    assert_eq!(usize::try_from(again.report.iteration).unwrap(), again.calls, "with what was seeded it is still the first call");
}

#[test]
fn what_we_note_in_the_context_is_gone_when_others_are_called() {
    for cluster in [cluster(2), settled(), cluster(2).seeding()] {
        let done = cluster.dry_run();
        assert!(done.calls > 1, "there was something to note");
        assert!(done.request.context.is_some_and(|context| !context.is_empty()), "it was noted");
        assert_eq!(done.response.context.unwrap_or_default().len(), 0);
    }
}

#[test]
fn what_earlier_steps_left_in_the_context_comes_out_as_it_went_in() {
    // Keys out of order, one twice, and a field that Struct does not have: none of it is ours to tidy.
    let theirs = Bytes::from(
        [to_struct(&json!({"z": [1, {}]})).unwrap().as_ref(), &[0x18, 7], &to_struct(&json!({"a": 1, "z": 2})).unwrap()].concat(),
    );
    let cluster = cluster(1);
    let (first, _) = run(&RunFunctionRequest { context: Some(theirs.clone()), ..cluster.request() });
    let noted = first.context.unwrap();
    assert!(noted.starts_with(&theirs) && noted.len() > theirs.len(), "what is noted stands behind theirs");
    let required_resources = cluster.dry_run().request.required_resources;
    let (last, _) = run(&RunFunctionRequest { context: Some(noted), required_resources, ..cluster.request() });
    assert_eq!(last.context, Some(theirs));
}
