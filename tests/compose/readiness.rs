//! Whether a placement serves, read off what KServe and provider-kubernetes report, whatever else they say.

use function_modelplane::api::model_deployment::Topology;
use function_modelplane::api::words::Waiting;
use function_modelplane::compose::observed::ObservedResource;
use function_modelplane::compose::readiness::{PhaseReadiness, Readiness, is_ready, readiness};
use function_modelplane::domain::key::{Key, Part};
use serde_json::{Value, json};

/// Everything that KServe says of a serving object that serves, disaggregated.
const ALL: [&str; 5] = ["PresetsCombined", "MainWorkloadReady", "PrefillWorkloadReady", "RouterReady", "Ready"];

/// Conditions that are True, and then those that are not.
fn conditions(holding: &[&str], failing: &Value) -> Value {
    let mut all: Vec<Value> = holding.iter().map(|kind| json!({"type": kind, "status": "True"})).collect();
    all.extend(failing.as_array().cloned().unwrap_or_default());
    Value::Array(all)
}

/// All but some.
fn without(left_out: &[&str]) -> Vec<&'static str> {
    ALL.into_iter().filter(|kind| !left_out.contains(kind)).collect()
}

/// A serving object in its second generation.
fn service(status: &Value) -> ObservedResource {
    let service = json!({"metadata": {"generation": 2}, "status": status});
    ObservedResource { service: Some(serde_json::from_value(service).unwrap()), ..ObservedResource::default() }
}

fn phase(ready: bool) -> PhaseReadiness {
    PhaseReadiness { ready, replicas: None }
}

/// What is not ready for this reason, with both phases as they are.
fn not_ready(decode: bool, prefill: bool, reason: Waiting, message: &str) -> Readiness {
    let why_not = Some((reason, message.to_owned()));
    Readiness { ready: false, decode: phase(decode), prefill: phase(prefill), why_not, endpoint: None }
}

fn ready() -> Readiness {
    Readiness { ready: true, decode: phase(true), prefill: phase(true), why_not: None, endpoint: None }
}

#[test]
fn a_placement_serves_when_every_condition_says_so_and_the_first_that_does_not_is_the_reason() {
    let failing =
        |kind: &str, reason: &str, message: &str| json!([{"type": kind, "status": "False", "reason": reason, "message": message}]);
    let unreported = "KServe has not reported it yet";
    let cases = [
        ("all hold", conditions(&ALL, &Value::Null), ready()),
        (
            "pods of several nodes have conditions of their own",
            conditions(&["PresetsCombined", "WorkerWorkloadReady", "PrefillWorkerWorkloadReady", "RouterReady", "Ready"], &Value::Null),
            ready(),
        ),
        ("nothing is said", Value::Null, not_ready(false, false, Waiting::Creating, "KServe has not reported on the serving object yet")),
        (
            "Ready does not cover the presets: what was ready stays so when they are gone",
            conditions(&without(&["PresetsCombined"]), &failing("PresetsCombined", "NotFound", "no preset kserve-config")),
            not_ready(true, true, Waiting::PresetsNotCombined, "NotFound: no preset kserve-config"),
        ),
        (
            "nor is it enough that nobody complains of them",
            conditions(&without(&["PresetsCombined"]), &Value::Null),
            not_ready(true, true, Waiting::PresetsNotCombined, unreported),
        ),
        (
            "decode comes before the router and the whole",
            conditions(&["PresetsCombined", "PrefillWorkloadReady"], &failing("MainWorkloadReady", "", "0/1 pods")),
            not_ready(false, true, Waiting::DecodeNotReady, "0/1 pods"),
        ),
        (
            "prefill alone fails",
            conditions(&without(&["PrefillWorkloadReady"]), &failing("PrefillWorkloadReady", "Unschedulable", "")),
            not_ready(true, false, Waiting::PrefillNotReady, "Unschedulable"),
        ),
        (
            "Unknown is not True",
            conditions(&without(&["RouterReady"]), &json!([{"type": "RouterReady", "status": "Unknown"}])),
            not_ready(true, true, Waiting::RouterNotReady, "not ready"),
        ),
        (
            "KServe has another reason",
            conditions(&without(&["Ready"]), &failing("Ready", "Stopped", "by its owner")),
            not_ready(true, true, Waiting::NotReady, "Stopped: by its owner"),
        ),
    ];
    for (why, conditions, expected) in cases {
        assert_eq!(readiness(Some(&service(&json!({"conditions": conditions}))), Topology::PrefillDecode), expected, "{why}");
    }
}

#[test]
fn a_unified_placement_has_no_prefill_whatever_is_said_of_one() {
    let stale = json!([{"type": "PrefillWorkloadReady", "status": "False"}]);
    let cases = [
        (conditions(&without(&["PrefillWorkloadReady"]), &stale), Readiness { prefill: phase(false), ..ready() }),
        (conditions(&ALL, &Value::Null), Readiness { prefill: phase(false), ..ready() }),
        (conditions(&["PresetsCombined"], &stale), not_ready(false, false, Waiting::WorkloadNotReady, "KServe has not reported it yet")),
    ];
    for (conditions, expected) in cases {
        assert_eq!(readiness(Some(&service(&json!({"conditions": conditions}))), Topology::Unified), expected, "{conditions}");
    }
}

/// The conditions are those of the pods before the change: they would call it ready that the change was made.
#[test]
fn a_report_about_an_older_generation_is_none_about_this_one() {
    let late = not_ready(true, true, Waiting::Reconciling, "KServe has not looked at the latest change yet");
    let decode = not_ready(false, true, Waiting::DecodeNotReady, "KServe has not reported it yet");
    let cases = [
        ("the one before", json!(1), conditions(&ALL, &Value::Null), late),
        ("this one", json!(2), conditions(&ALL, &Value::Null), ready()),
        ("KServe up to v0.20 does not say", Value::Null, conditions(&ALL, &Value::Null), ready()),
        ("what failed before the change says more", json!(1), conditions(&without(&["MainWorkloadReady"]), &Value::Null), decode),
    ];
    for (why, generation, conditions, expected) in cases {
        let status = json!({"observedGeneration": generation, "conditions": conditions});
        assert_eq!(readiness(Some(&service(&status)), Topology::PrefillDecode), expected, "{why}");
    }
}

#[test]
fn it_answers_at_its_url_or_else_at_the_first_address_that_has_one() {
    let addresses = json!([{"name": "internal"}, {"url": "http://first"}, {"url": "http://second"}]);
    let cases = [
        ("its own", json!({"url": "http://own", "addresses": addresses}), Some("http://own")),
        ("the first of its addresses that has one", json!({"addresses": addresses}), Some("http://first")),
        ("none yet", json!({"addresses": [{"name": "internal"}]}), None),
    ];
    for (why, mut status, endpoint) in cases {
        status["conditions"] = conditions(&ALL, &Value::Null);
        let expected = Readiness { endpoint: endpoint.map(str::to_owned), ..ready() };
        assert_eq!(readiness(Some(&service(&status)), Topology::PrefillDecode), expected, "{why}");
    }
}

#[test]
fn replicas_are_those_that_kserve_counts() {
    let workloads = json!({"primary": {"readyReplicas": 3}, "prefill": {"readyReplicas": 0}});
    let status = json!({"workloads": workloads, "conditions": conditions(&ALL, &Value::Null)});
    let of = |replicas: u32| PhaseReadiness { ready: true, replicas: Some(replicas) };
    let expected = Readiness { decode: of(3), prefill: of(0), ..ready() };
    assert_eq!(readiness(Some(&service(&status)), Topology::PrefillDecode), expected);
}

#[test]
fn what_cannot_be_seen_or_is_on_its_way_out_does_not_serve() {
    let object = |status: &str| {
        let synced = json!([{"type": "Synced", "status": status, "reason": "ReconcileError", "message": "connection refused"}]);
        ObservedResource { conditions: serde_json::from_value(synced).unwrap(), ..ObservedResource::default() }
    };
    let serving = service(&json!({"url": "http://own", "conditions": conditions(&ALL, &Value::Null)}));
    let creating = not_ready(false, false, Waiting::Creating, "the serving object is being created");
    let unsynced = not_ready(false, false, Waiting::NotSynced, "ReconcileError: connection refused");
    let deleting = not_ready(false, false, Waiting::Deleting, "the serving object is being deleted");
    let cases = [
        ("nothing is there", None, creating.clone()),
        ("an Object that shows nothing yet", Some(object("True")), creating),
        ("an Object that cannot be applied", Some(object("False")), unsynced),
        ("stuck on a finalizer it still reports what it last saw", Some(ObservedResource { deleting: true, ..serving.clone() }), deleting),
        (
            "what serves is seen, though a change of it cannot be applied",
            Some(ObservedResource { conditions: object("False").conditions, ..serving }),
            Readiness { endpoint: Some("http://own".to_owned()), ..ready() },
        ),
    ];
    for (why, observed, expected) in cases {
        assert_eq!(readiness(observed.as_ref(), Topology::PrefillDecode), expected, "{why}");
    }
}

#[test]
fn what_a_placement_needs_beside_it_is_ready_when_it_says_so() {
    let reporting = |status: &str| {
        let conditions = json!([{"type": "Synced", "status": "True"}, {"type": "Ready", "status": status}]);
        ObservedResource { conditions: serde_json::from_value(conditions).unwrap(), ..ObservedResource::default() }
    };
    let cases =
        [(None, false), (Some(ObservedResource::default()), false), (Some(reporting("Unknown")), false), (Some(reporting("True")), true)];
    let held = [Part::Namespace, Part::ServiceAccount, Part::Token, Part::StorageSecret, Part::Autoscaler]
        .map(|part| Key::new("east", part, true));
    for key in held.iter().chain([&Key::new("east", Part::Autoscaler, false)]) {
        for (observed, expected) in &cases {
            assert_eq!(is_ready(key, observed.as_ref()), *expected, "{key}: {observed:?}");
        }
    }
    let account = Key::new("east", Part::ServiceAccount, false);
    assert_eq!((is_ready(&account, None), is_ready(&account, Some(&ObservedResource::default()))), (false, true), "it has no conditions");
}
