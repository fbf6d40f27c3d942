//! Wrong types, missing fields and large fleets.

use function_modelplane::function::proto::{Condition, Resource, RunFunctionRequest, State};
use function_modelplane::function::{Outcome, run};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{cluster, deployment, environment, model, settled};

/// Every way to put a wrong value in place of one part of an object.
fn mutations(object: &Value) -> Vec<Value> {
    fn walk(root: &Value, path: &str, node: &Value, found: &mut Vec<Value>) {
        let wrong = [json!(null), json!(-1), json!(1.5), json!("{{ x }}"), json!([]), json!({}), json!(true)];
        for value in wrong {
            let mut mutated = root.clone();
            *mutated.pointer_mut(path).unwrap() = value;
            found.push(mutated);
        }
        let children: Vec<String> = match node {
            Value::Object(fields) => fields.keys().map(|key| key.replace('~', "~0").replace('/', "~1")).collect(),
            Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        for child in children {
            let path = format!("{path}/{child}");
            walk(root, &path, root.pointer(&path).unwrap(), found);
        }
    }
    let mut found = Vec::new();
    for field in object.as_object().unwrap().keys() {
        let path = format!("/{field}");
        walk(object, &path, object.pointer(&path).unwrap(), &mut found);
    }
    found.retain(Value::is_object);
    found
}

/// What serves is wanted, or nothing changes at all.
fn holds(cluster: &Cluster, what: &str) {
    let reconciled = cluster.dry_run();
    let kept =
        reconciled.fatal().is_some() || ["object-east-pd", "object-west-pd"].iter().all(|key| reconciled.desired().contains_key(*key));
    assert!(kept, "{what}");
}

#[test]
fn whatever_is_wrong_with_an_input_nothing_that_serves_is_dropped_and_nothing_panics() {
    let base = settled();
    for (kind, name) in [("ClusterModel", "llama"), ("InferenceEnvironment", "east")] {
        let object = base.objects.iter().find(|object| object["kind"] == json!(kind) && object["metadata"]["name"] == json!(name)).unwrap();
        for mutated in mutations(object) {
            let what = format!("{kind}: {mutated}");
            let mut cluster = base.clone();
            // What the API server found by name it found by name.
            cluster.change(kind, name, |object| *object = mutated);
            cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1);
            holds(&cluster, &what);
        }
    }
    for mutated in mutations(&base.composite["status"].clone()) {
        let mut cluster = base.clone();
        cluster.composite["status"] = mutated.clone();
        holds(&cluster, &format!("status: {mutated}"));
    }
    for mutated in mutations(&json!({"spec": base.composite["spec"]})) {
        let mut cluster = base.clone();
        cluster.composite["spec"] = mutated["spec"].clone();
        let reconciled = cluster.dry_run();
        assert!(!reconciled.response.results.iter().any(|result| result.message.contains("unexpectedly")), "{mutated}");
    }
    for mutated in mutations(&base.composed["object-east-pd"]) {
        let mut cluster = base.clone();
        cluster.composed.insert("object-east-pd".to_owned(), mutated.clone());
        let reconciled = cluster.dry_run();
        assert!(!reconciled.response.results.iter().any(|result| result.message.contains("unexpectedly")), "{mutated}");
    }
}

#[test]
fn a_request_that_holds_nothing_readable_is_a_fatal_result() {
    let resource = |bytes: &'static [u8]| Some(Resource { resource: Some(bytes::Bytes::from_static(bytes)), ..Resource::default() });
    let requests = [
        RunFunctionRequest::default(),
        RunFunctionRequest {
            observed: Some(State { composite: resource(b"\xff\xff\xff"), ..State::default() }),
            ..RunFunctionRequest::default()
        },
        Cluster::new(json!({"apiVersion": "v1", "kind": "Pod"}), Vec::new()).request(),
    ];
    let expected = [
        "the request holds no composite resource",
        "cannot read the composite resource: ",
        "cannot compose a Pod of v1; use this function for ModelDeployment, ClusterModel, Model and InferenceEnvironment",
    ];
    for (request, message) in requests.iter().zip(expected) {
        let (_, report) = run(request);
        assert_eq!(report.outcome, Outcome::Fatal);
        assert!(report.message.as_ref().unwrap().starts_with(message), "{report:?}");
    }
}

/// KServe puts the whole object through a template, the record of the placement with it: on its own cluster it would never serve.
#[test]
fn a_pool_that_is_called_like_a_template_is_remembered_in_other_letters() {
    let mut cluster = cluster(1);
    cluster.delete("InferenceEnvironment", "west");
    cluster.change("InferenceEnvironment", "east", |object| {
        object["spec"]["cluster"] = json!({"source": "Local"});
        object["status"]["capacity"]["gpuPools"][0]["name"] = json!("{{{ .Values }}");
    });
    let placed = cluster.reconcile().desired()["llmisvc-east-pd"].clone();
    assert!(!placed.to_string().contains("{{"), "{placed}");
    let annotation = placed["metadata"]["annotations"]["modelplane.ai/placement"].as_str().unwrap();
    let record: Value = serde_json::from_str(annotation).unwrap();
    assert_eq!([&record["decode"]["pool"], &record["prefill"]["pool"]], [&json!("{{{ .Values }}"); 2], "and read back as it is");
    assert_eq!(cluster.reconcile().desired()["llmisvc-east-pd"], placed, "so the placement stays there");
}

#[test]
fn a_thousand_environments_are_considered_and_twenty_rejections_listed() {
    let mut objects = vec![model()];
    for number in 0..1000 {
        let mut environment = environment(&format!("env-{number:04}"));
        if number >= 3 {
            environment["metadata"]["labels"]["modelplane.ai/rdma"] = json!("false");
        }
        objects.push(environment);
    }
    let mut cluster = Cluster::new(deployment(3), objects);
    let status = cluster.reconcile().status();
    let scheduling = &status["scheduling"];
    assert_eq!((&scheduling["considered"], &scheduling["matched"], &scheduling["rejectedTotal"]), (&json!(1000), &json!(3), &json!(997)));
    assert_eq!(scheduling["rejected"].as_array().unwrap().len(), 20);
    assert_eq!(status["placements"]["summary"], json!("0/3"));
}

#[test]
fn an_answer_that_crossplane_would_not_take_is_a_fatal_result() {
    let mut cluster = cluster(2);
    cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][0]["engine"]["args"] = json!(["x".repeat(3 << 20)]));
    let fatal = cluster.reconcile().fatal().unwrap();
    assert!(fatal.starts_with("cannot answer: the response has "), "{fatal}");
}

/// Conditions, events and results are printed beside others by whoever looks at the object.
#[test]
fn what_people_wrote_is_quoted_on_one_line_and_visibly() {
    let hostile = "a\nStatus: True\u{1b}[2J\u{202e}";
    let spelled = "a\\nStatus: True\\u{1b}[2J\\u{202e}";
    let mut cluster = cluster(1);
    cluster.composite["spec"][hostile] = json!(1);
    let reconciled = cluster.reconcile();
    let expected = format!("spec[\"{spelled}\"]: unknown field");
    let fatal = reconciled.fatal().unwrap();
    assert!(fatal.starts_with(&expected), "{fatal}");
    let message = reconciled.response.conditions.iter().map(Condition::message).find(|message| message.contains("spec")).unwrap();
    assert!(message.starts_with(&expected), "{message}");
}
