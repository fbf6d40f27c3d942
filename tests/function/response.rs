//! What every response keeps of its request, and what a fatal one may not lose or grow to.

use bytes::Bytes;
use function_modelplane::function::proto::{
    Condition, Ready, Resource, ResponseMeta, RunFunctionRequest, RunFunctionResponse, Severity, State, Status, Target,
};
use function_modelplane::function::{Outcome, Report, run, shielded};
use function_modelplane::structs::{from_struct, to_struct};
use prost::Message as _;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{cluster, deployment, settled};
use super::wire::{entry, number, string};

/// What Crossplane's gRPC client takes at most.
const LIMIT: usize = 4 << 20;

fn meta(tag: &str, seconds: i64) -> ResponseMeta {
    ResponseMeta { tag: tag.to_owned(), ttl: Some(prost_types::Duration { seconds, nanos: 0 }) }
}

fn resource(bytes: Vec<u8>) -> Resource {
    Resource { resource: Some(bytes.into()), connection_details: [("key".to_owned(), Bytes::from("secret"))].into(), ready: 1 }
}

/// An earlier step's resource that leaves a response a few bytes short of the limit.
fn nearly_everything() -> State {
    let filler = Resource { resource: Some(vec![0; LIMIT - 64].into()), ..Resource::default() };
    State { resources: [("filler".to_owned(), filler)].into(), ..State::default() }
}

/// The observed conditions that are ours, as they are sent.
fn observed_conditions(cluster: &Cluster) -> Vec<Condition> {
    let observed = cluster.composite["status"]["conditions"].as_array().unwrap();
    let sent = |condition: &Value| Condition {
        r#type: condition["type"].as_str().unwrap().to_owned(),
        status: match condition["status"].as_str() {
            Some("True") => Status::ConditionTrue,
            Some("False") => Status::ConditionFalse,
            _ => Status::ConditionUnknown,
        }
        .into(),
        reason: condition["reason"].as_str().unwrap().to_owned(),
        message: condition["message"].as_str().map(str::to_owned),
        target: Some(Target::Composite.into()),
    };
    observed.iter().filter(|condition| condition["type"] != json!("Ready")).map(sent).collect()
}

/// A settled deployment that also has a condition of Crossplane's own, which a function must leave alone.
fn settled_with_ready() -> Cluster {
    let mut cluster = settled();
    let ready = json!({"type": "Ready", "status": "True", "reason": "Available", "message": ""});
    cluster.composite["status"]["conditions"].as_array_mut().unwrap().push(ready);
    cluster
}

fn message(response: &RunFunctionResponse) -> Option<&str> {
    response.results.iter().find(|result| result.severity() == Severity::Fatal).map(|result| result.message.as_str())
}

#[test]
fn a_panic_is_a_fatal_result_wherever_it_happens() {
    let cluster = settled_with_ready();
    let mut request = cluster.request();
    request.desired = Some(State { resources: [("other".to_owned(), resource(vec![1, 2]))].into(), ..State::default() });
    request.context = Some(Bytes::from_static(&[3, 4]));
    request.meta.get_or_insert_default().tag = "a-tag".to_owned();
    let (response, report) = shielded(&request, |_| panic!("a mistake"));
    let said = "the function failed unexpectedly, so nothing is changed; please report this with the function's log";
    assert_eq!(message(&response), Some(said));
    assert_eq!(
        RunFunctionResponse { results: Vec::new(), ..response },
        RunFunctionResponse {
            meta: Some(meta("a-tag", 0)),
            desired: request.desired.clone(),
            context: request.context.clone(),
            conditions: observed_conditions(&cluster),
            ..RunFunctionResponse::default()
        }
    );
    let expected = Report {
        tag: "a-tag".to_owned(),
        kind: "ModelDeployment".to_owned(),
        namespace: "team".to_owned(),
        name: "chat".to_owned(),
        iteration: 1,
        outcome: Outcome::Fatal,
        message: Some(said.to_owned()),
        ..Report::default()
    };
    assert_eq!(report, expected);
    let (response, report) = shielded(&RunFunctionRequest::default(), |_| panic!("a mistake"));
    assert_eq!((message(&response), report.outcome), (Some(said), Outcome::Fatal), "a request that holds nothing");
}

#[test]
fn no_response_is_larger_than_crossplane_takes() {
    let mut waiting = settled_with_ready().request();
    waiting.desired = Some(nearly_everything());
    let mut done = settled_with_ready().dry_run().request;
    done.desired = Some(nearly_everything());
    let mut refused = done.clone();
    refused.input = Some(to_struct(&json!({"ttl": "soon"})).unwrap());
    let (unlimited, report) = run(&settled().request());
    assert_eq!((message(&unlimited), report.outcome), (None, Outcome::Waiting), "the first of the cases is about waiting");
    let cases = [
        ("waiting", waiting, "cannot answer: the response has 4194"),
        ("done", done, "cannot answer: the response has 4"),
        ("fatal already, and what it says is kept", refused, "input: ttl: "),
    ];
    for (why, mut request, expected) in cases {
        request.meta.get_or_insert_default().tag = "a-tag".to_owned();
        let (response, report) = run(&request);
        assert!(message(&response).unwrap().starts_with(expected), "{why}: {:?}", response.results);
        assert!(response.encoded_len() <= LIMIT, "{why}: {}", response.encoded_len());
        assert_eq!(report.outcome, Outcome::Fatal, "{why}");
        let kinds: Vec<&str> = response.conditions.iter().map(|condition| condition.r#type.as_str()).collect();
        assert!(kinds.contains(&"PlacementsScheduled"), "{why}: conditions stay, {kinds:?}");
        let rest = RunFunctionResponse { results: Vec::new(), conditions: Vec::new(), ..response };
        assert_eq!(rest, RunFunctionResponse { meta: Some(meta("a-tag", 0)), ..RunFunctionResponse::default() }, "{why}");
    }
}

#[test]
fn a_long_value_is_quoted_in_part() {
    let mut cluster = settled_with_ready();
    // Every condition repeats what is wrong.
    cluster.composite["spec"]["scaling"] = json!({"signal": "WVA", "wva": {"maxReplicas": 2, "variantCost": "x".repeat(1 << 20)}});
    let (response, _) = run(&cluster.request());
    assert!(message(&response).unwrap().starts_with("spec.scaling.wva.variantCost: has 1048576 characters; write 1 to 32"));
    assert!(response.encoded_len() < 64 << 10, "{}", response.encoded_len());
}

#[test]
fn a_fatal_result_leaves_the_conditions_as_they_are() {
    // Else Crossplane makes them Unknown, and their return is an event each time.
    let mut clash = settled_with_ready();
    clash.earlier.resources.insert("object-east-pd".to_owned(), Resource::default());
    let mut unmergeable = settled_with_ready();
    unmergeable.earlier.composite = Some(Resource { resource: Some(Bytes::from_static(b"\xff")), ..Resource::default() });
    let mut oversize = settled_with_ready();
    oversize.earlier = nearly_everything();
    let cases = [
        (clash, "composed resource object-east-pd is wanted by an earlier step of the pipeline already; rename it there"),
        (unmergeable, "cannot write the status: malformed google.protobuf.Struct: "),
        (oversize, "cannot answer: the response has "),
    ];
    for (mut cluster, expected) in cases {
        let before = observed_conditions(&cluster);
        let fatal = cluster.reconcile();
        assert!(fatal.fatal().unwrap().starts_with(expected), "{:?}", fatal.results());
        assert_eq!(fatal.response.conditions, before, "{expected}");
        cluster.earlier = State::default();
        assert_eq!(cluster.reconcile().results(), vec![], "{expected}: nothing is said when it is over");
    }
}

#[test]
fn an_environment_keeps_its_condition_beside_a_fatal_input() {
    let mut composite = super::fleet::environment("east");
    composite["status"]["conditions"] =
        json!([{"type": "EnvironmentValid", "status": "False", "reason": "NotProvisioned", "message": "m"}]);
    let mut cluster = Cluster::new(composite, Vec::new());
    cluster.input = Some(json!({"ttl": "soon"}));
    let (response, _) = run(&cluster.request());
    assert_eq!(response.conditions, observed_conditions(&cluster));
}

#[test]
fn a_final_answer_keeps_what_others_want_byte_for_byte() {
    // Keys out of order and a number no encoder of ours would write: decoding and writing again would show.
    let odd = [entry("z", &string("last")), entry("a", &[number(1.0), number(2.0)].concat())].concat();
    let mut cluster = settled();
    cluster.input = Some(json!({"ttl": "90s"}));
    let composite = json!({"status": {"other": {"kept": [1]}, "placements": {"total": 99, "foreign": true}}, "spec": {"also": "kept"}});
    cluster.earlier = State {
        composite: Some(resource(to_struct(&composite).unwrap().to_vec())),
        resources: [("other".to_owned(), resource(odd.clone()))].into(),
    };
    let mut request = cluster.dry_run().request;
    request.context = Some(odd.clone().into());
    request.meta.get_or_insert_default().tag = "a-tag".to_owned();
    let (response, report) = run(&request);
    assert_eq!(report.outcome, Outcome::Done, "{report:?}");
    assert_eq!(response.meta, Some(meta("a-tag", 90)), "the input says how long it may be cached");
    assert_eq!(response.context.as_deref(), Some(odd.as_slice()));
    let desired = response.desired.unwrap();
    assert_eq!(desired.resources["other"], resource(odd));
    let composite = desired.composite.unwrap();
    assert_eq!(composite.connection_details["key"], Bytes::from("secret"));
    assert_eq!(composite.ready(), Ready::True, "an earlier step's word stands");
    let merged: Value = from_struct(composite.resource.as_deref().unwrap()).unwrap();
    let ours = json!({"total": merged["status"]["placements"]["total"], "foreign": merged["status"]["placements"]["foreign"]});
    assert_eq!(
        (&merged["status"]["other"], ours, &merged["spec"]),
        (&json!({"kept": [1]}), json!({"total": 2, "foreign": true}), &json!({"also": "kept"}))
    );
}

#[test]
fn what_is_not_final_is_not_to_be_cached() {
    let mut refused = Cluster::new(deployment(0), Vec::new());
    refused.input = Some(json!({"ttl": "90s"}));
    let mut waiting = cluster(1);
    waiting.input = Some(json!({"ttl": "90s"}));
    for (cluster, outcome) in [(refused, Outcome::Fatal), (waiting, Outcome::Waiting)] {
        let (response, report) = run(&cluster.request());
        assert_eq!((report.outcome, response.meta), (outcome, Some(meta("", 0))));
    }
}
