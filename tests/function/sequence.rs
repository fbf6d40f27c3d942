//! Reconcile after reconcile: what is reported, and that nothing is said twice.

use function_modelplane::function::proto::resource_selector::Match;
use function_modelplane::function::proto::{MatchLabels, Ready, Resource, Severity};
use function_modelplane::function::run;
use prost::Message as _;
use serde_json::json;

use super::fleet::{cluster, settled};

fn names(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn conditions(rows: &[(&str, &'static str, &str)]) -> Vec<(String, &'static str, String)> {
    rows.iter().map(|(kind, status, reason)| ((*kind).to_owned(), *status, (*reason).to_owned())).collect()
}

#[test]
fn the_first_call_only_says_what_it_must_see() {
    let mut cluster = cluster(2);
    cluster.earlier.resources.insert("theirs".to_owned(), Resource::default());
    let request = cluster.request();
    let (response, _) = run(&request);
    let selectors = response.requirements.clone().unwrap().resources;
    assert_eq!(selectors.keys().cloned().collect::<Vec<_>>(), names(&["environments", "model-ClusterModel-llama"]));
    assert_eq!(selectors["model-ClusterModel-llama"].r#match, Some(Match::MatchName("llama".to_owned())));
    assert_eq!(selectors["model-ClusterModel-llama"].namespace, None, "a ClusterModel has no namespace");
    let all = Some(Match::MatchLabels(MatchLabels::default()));
    assert_eq!(selectors["environments"].r#match, all, "set but empty selects all");
    assert_eq!(response.desired, request.desired, "what earlier steps want is passed on and nothing else");
    assert_eq!(response.meta.unwrap().ttl, Some(prost_types::Duration::default()), "a waiting answer is never cached");
    assert_eq!((response.conditions, response.results), (vec![], vec![]));
}

#[test]
fn a_namespaced_model_is_looked_for_where_the_deployment_is() {
    let mut cluster = cluster(1);
    cluster.composite["spec"]["modelRef"] = json!({"kind": "Model", "name": "mine"});
    let (response, _) = run(&cluster.request());
    let selector = response.requirements.unwrap().resources["model-Model-mine"].clone();
    assert_eq!((selector.kind.as_str(), selector.namespace.as_deref()), ("Model", Some("team")));
}

#[test]
fn a_deployment_is_placed_becomes_ready_and_falls_back() {
    let mut cluster = cluster(2);
    let first = cluster.reconcile();
    assert_eq!(
        first.desired().keys().cloned().collect::<Vec<_>>(),
        names(&["namespace-east", "namespace-west", "object-east-pd", "object-west-pd"])
    );
    assert_eq!(
        first.conditions(),
        conditions(&[
            ("ModelResolved", "True", "Resolved"),
            ("ProfileValid", "True", "Valid"),
            ("PlacementsScheduled", "True", "Placed"),
            ("DecodeReady", "False", "NotAvailable"),
            ("PrefillReady", "False", "NotAvailable"),
            ("PlacementsReady", "False", "NotReady"),
        ])
    );
    assert_eq!(first.results(), vec![(Severity::Normal, "PlacementsScheduled: 2/2 placed".to_owned())]);
    assert!(first.held_back(), "nothing serves yet");

    let again = cluster.reconcile();
    assert_eq!(again.results(), vec![], "nothing changed, so nothing is said");
    assert_eq!(again.desired(), first.desired());

    cluster.create_the_rest();
    cluster.report("object-east-pd", true, true, true);
    cluster.report("object-west-pd", true, false, true);
    let half = cluster.reconcile();
    assert_eq!(
        half.conditions()[2..],
        conditions(&[
            ("PlacementsScheduled", "True", "Placed"),
            ("DecodeReady", "True", "Available"),
            ("PrefillReady", "False", "NotAvailable"),
            ("PlacementsReady", "False", "NotReady"),
        ])
    );
    assert_eq!(half.status()["placements"]["summary"], json!("1/2"));
    assert_eq!(half.status()["placements"]["items"][1]["reason"], json!("PrefillNotReady"));

    cluster.report("object-west-pd", true, true, true);
    let ready = cluster.reconcile();
    assert_eq!(ready.conditions()[5], ("PlacementsReady".to_owned(), "True", "AllReady".to_owned()));
    assert!(!ready.held_back());
    let state = ready.response.desired.as_ref().unwrap();
    assert!(state.resources.values().all(|resource| resource.ready() == Ready::True));

    let steady = cluster.reconcile();
    assert_eq!(steady.results(), vec![]);
    assert_eq!(
        steady.request.required_resources.keys().cloned().collect::<Vec<_>>(),
        names(&["environment-east", "environment-west", "model-ClusterModel-llama"])
    );
    assert_eq!(steady.calls, 2, "a steady deployment does not make Crossplane fetch the fleet");

    cluster.report("object-west-pd", false, true, true);
    let fallen = cluster.reconcile();
    assert_eq!(
        fallen.conditions()[3..],
        conditions(&[
            ("DecodeReady", "False", "NotAvailable"),
            ("PrefillReady", "True", "Available"),
            ("PlacementsReady", "False", "NotReady"),
        ])
    );
    let warnings: Vec<_> = fallen.results().into_iter().map(|(severity, _)| severity).collect();
    assert_eq!(warnings, vec![Severity::Warning, Severity::Warning], "decode and the placement were ready before");
    let record = fallen.desired()["object-west-pd"]["metadata"]["annotations"]["modelplane.ai/placement"].clone();
    assert!(record.as_str().unwrap().contains("\"settled\":true"), "it was ready once, and that is remembered");
    assert_eq!(cluster.reconcile().results(), vec![]);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_order_does_not_matter() {
    let mut one = cluster(1);
    let mut other = one.clone();
    other.objects.reverse();
    for _ in 0..2 {
        let (first, second) = (one.dry_run().response, one.dry_run().response);
        assert_eq!(first.encode_to_vec(), second.encode_to_vec());
        assert_eq!(first.encode_to_vec(), other.dry_run().response.encode_to_vec());
        one.reconcile();
        other.reconcile();
    }
}

#[test]
fn more_replicas_are_rendered_at_once_and_keep_the_placement() {
    let mut cluster = settled();
    cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1);
    let scaled = cluster.reconcile();
    let spec = &scaled.desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"];
    assert_eq!((&spec["replicas"], &spec["prefill"]["replicas"]), (&json!(1), &json!(4)));
    assert_eq!(cluster.reconcile().request.required_resources.len(), 3, "it is steady again");
}
