//! What a pipeline must not let pass: a change after which something runs otherwise than it is asked to, or is promised what is not there.

use function_modelplane::cli::verdict::Verdict;
use function_modelplane::cli::yaml_output::to_yaml;
use serde_json::{Value, json};

use super::change::{example, export, folder, list, run, said};

/// An object of the example fleet.
fn object(kind: &str, name: &str) -> Value {
    let mut object =
        export().0.into_iter().find(|object| object["kind"] == json!(kind) && object["metadata"]["name"] == json!(name)).unwrap();
    object.as_object_mut().unwrap().remove("status");
    object
}

/// Applies objects to the example fleet and deletes one; then the same for machines.
fn apply(objects: &[Value], delete: &[&str]) -> (Verdict, String, Value) {
    apply_to(&example("live"), objects, delete)
}

fn apply_to(live: &str, objects: &[Value], delete: &[&str]) -> (Verdict, String, Value) {
    let text = objects.iter().map(|object| to_yaml(object).unwrap()).collect::<Vec<_>>().join("---\n");
    let (_folder, change) = folder(&[("change.yaml", &text)]);
    let delete: Vec<&str> = delete.iter().flat_map(|target| ["--delete", target]).collect();
    let words = [&["--live", live, "--change", &change], &delete[..]].concat();
    let (verdict, out, err) = run(&words);
    assert_eq!(err, "");
    (verdict, out, said(&words))
}

fn deployment<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["deployments"].as_array().unwrap().iter().find(|deployment| deployment["name"] == json!(name)).unwrap()
}

/// 48 GPUs, of which 45 are held, become 40.
#[test]
fn a_node_that_is_lost_leaves_a_pool_short_and_who_holds_it_is_said() {
    let mut east = object("InferenceEnvironment", "us-east");
    east["spec"]["cluster"]["existing"]["nodePools"][0]["nodeCount"] = json!(5);
    let (verdict, out, report) = apply(std::slice::from_ref(&east), &[]);
    assert_eq!(verdict, Verdict::NotPlaced, "{out}");
    let held = json!([{"environment": "us-east", "pool": "h200", "gpus": 5, "total": 40, "held": 45, "holders": []}]);
    let mut found = report["shortages"].clone();
    let holders = std::mem::replace(&mut found[0]["holders"], json!([]));
    assert_eq!(found, held);
    let sum: u64 = holders.as_array().unwrap().iter().map(|holder| holder["gpus"].as_u64().unwrap()).sum();
    assert_eq!(sum, 45, "all of it: {holders}");
    let line = "\npool h200 of us-east is short of 5 GPUs: 45 are promised and 40 are there; ";
    let line = out.split_once(line).unwrap_or_else(|| panic!("{out}")).1.lines().next().unwrap();
    let named: Vec<String> = holders
        .as_array()
        .unwrap()
        .iter()
        .map(|holder| format!("{} has {}", holder["deployment"].as_str().unwrap(), holder["gpus"]))
        .collect();
    assert_eq!(line, named.join(", "));
    // Nothing of it moves or restarts: what serves is left alone, and told.
    let short = "us-east is short of 5 GPUs, because more is promised of pool h200 than the 40 it has";
    for holder in holders.as_array().unwrap() {
        let name = holder["deployment"].as_str().unwrap().split_once('/').unwrap().1;
        let found = deployment(&report, name);
        let effects: Vec<&Value> = found["placements"].as_array().unwrap().iter().map(|placement| &placement["effect"]).collect();
        assert!(effects.iter().all(|effect| **effect == json!("unchanged")), "{name}: {effects:?}");
        if found["withoutChange"] != Value::Null {
            // It waits for more environments anyway.
            continue;
        }
        assert_eq!(found["outcome"], json!("waiting"), "{name}");
        assert!(found["message"].as_str().unwrap().contains(short), "{name}: {}", found["message"]);
    }
    // The other way round nothing is short any more.
    east["spec"]["cluster"]["existing"]["nodePools"][0]["nodeCount"] = json!(7);
    let (verdict, _, report) = apply(&[east], &[]);
    assert_eq!((verdict, &report["shortages"]), (Verdict::Placed, &json!([])));
}

/// More replicas than there are GPUs, of a deployment that is where it is.
#[test]
fn what_is_promised_beyond_a_pool_fails_the_gate() {
    let mut mail = object("ModelDeployment", "mail");
    mail["spec"]["scaling"] = json!({"signal": "Fixed", "fixed": {"replicas": 50}});
    let (verdict, out, report) = apply(&[mail], &[]);
    assert_eq!((verdict, report["shortages"].as_array().unwrap().len()), (Verdict::NotPlaced, 1), "{out}");
}

/// The same cluster under another name: its placements are adopted, and nobody waits.
#[test]
fn an_environment_that_is_renamed_keeps_what_runs_there() {
    let mut renamed = object("InferenceEnvironment", "eu-central");
    renamed["metadata"] = json!({"name": "eu-central-1", "labels": renamed["metadata"]["labels"]});
    renamed["spec"].as_object_mut().unwrap().remove("crossplane");
    let (verdict, out, report) = apply(&[renamed], &["ie/eu-central"]);
    let summary = &report["summary"];
    for gone in ["restarted", "deleted", "moved", "waiting", "refused", "frozen", "created"] {
        assert_eq!(summary[gone], json!(0), "{gone}: {out}");
    }
    assert_eq!((verdict, &report["shortages"]), (Verdict::Placed, &json!([])), "{out}");
    let chat = deployment(&report, "chat")["placements"].as_array().unwrap();
    let effects: Vec<Value> = chat.iter().map(|placement| json!([placement["environment"], placement["effect"]])).collect();
    assert_eq!(effects, [json!(["eu-central-1", "updated"]), json!(["us-east", "unchanged"])]);
}

#[test]
fn a_change_that_freezes_fails_the_gate() {
    let mut model = object("ClusterModel", "qwen-7b");
    model["spec"]["serving"][0]["name"] = json!("renamed");
    let (verdict, out, report) = apply(&[model], &[]);
    assert!(report["summary"]["frozen"].as_u64().unwrap() > 0, "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
}

/// No profile of the model that is asked for fits where the old one serves.
fn misfit() -> [Value; 2] {
    let mut model = object("ClusterModel", "qwen-7b");
    model["metadata"] = json!({"name": "misfit"});
    // A node has eight.
    model["spec"]["serving"][0]["resources"] = json!({"gpu": 16});
    model["spec"]["serving"][0]["engine"]["args"] = json!(["--tensor-parallel-size=16"]);
    let mut mail = object("ModelDeployment", "mail");
    mail["spec"]["modelRef"]["name"] = json!("misfit");
    [model, mail]
}

#[test]
fn who_keeps_serving_another_model_than_asked_fails_the_gate_also_the_second_time() {
    let [model, mail] = misfit();
    let (verdict, out, report) = apply(&[model.clone(), mail.clone()], &[]);
    let frozen = |report: &Value| {
        let mail = deployment(report, "mail");
        json!([mail["outcome"], mail["placements"][0]["effect"], mail["placements"][0]["reason"]])
    };
    assert_eq!(frozen(&report), json!(["frozen", "frozen", "ModelChanged"]), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
    // As it is after that, and another edit that does not help either.
    let (mut composites, composed) = export();
    let live = composites.iter_mut().find(|object| object["metadata"]["name"] == json!("mail")).unwrap();
    live["spec"]["modelRef"] = mail["spec"]["modelRef"].clone();
    live["status"]["placements"]["items"][0]["reason"] = json!("ModelChanged");
    composites.push(model);
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let mut edited = mail;
    edited["spec"]["scaling"] = json!({"signal": "Fixed", "fixed": {"replicas": 2}});
    let (verdict, out, report) = apply_to(&live, &[edited], &[]);
    assert_eq!(frozen(&report), json!(["frozen", "frozen", "ModelChanged"]), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
}

/// Crossplane does not look at it, so it goes on serving what it served.
#[test]
fn an_edit_of_what_is_paused_fails_the_gate() {
    let (mut composites, composed) = export();
    let mail = composites.iter_mut().find(|object| object["metadata"]["name"] == json!("mail")).unwrap();
    mail["metadata"]["annotations"] = json!({"crossplane.io/paused": "true"});
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let mut mail = object("ModelDeployment", "mail");
    mail["metadata"]["annotations"] = json!({"crossplane.io/paused": "true"});
    mail["spec"]["modelRef"]["name"] = json!("qwen-7b");
    let (verdict, out, _) = apply_to(&live, &[mail], &[]);
    let expected = "\nml-team-b/mail is refused, so nothing of it changes: it is paused; take away the annotation crossplane.io/paused, or it goes on \
                    as it was before the edit\n";
    assert!(out.contains(expected), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
}

/// Modelplane's own functions composed it, and what composes now would delete it.
#[test]
fn a_composed_model_placement_is_composed_and_refused() {
    let (composites, mut composed) = export();
    let owner = composites.iter().find(|object| object["metadata"]["name"] == json!("mail")).unwrap();
    let placement = json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelPlacement", "metadata": {
        "name": "mail-us-east", "namespace": "ml-team-b", "annotations": {"crossplane.io/composition-resource-name": "placement-us-east"},
        "ownerReferences": [{"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment", "name": "mail", "controller": true,
            "uid": owner["metadata"]["uid"]}]}});
    let mut mail = object("ModelDeployment", "mail");
    mail["spec"]["scaling"] = json!({"signal": "Fixed", "fixed": {"replicas": 2}});
    composed.push(placement.clone());
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let (verdict, out, _) = apply_to(&live, &[mail], &[]);
    let expected =
        "\nml-team-b/mail is refused, so nothing of it changes: cannot take over: placement-us-east (ModelPlacement mail-us-east) ";
    assert!(out.contains(expected), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
    // Without it, its deployment would seem to be placed anew.
    let reference = json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelPlacement", "name": "mail-us-east"});
    let mut composites = composites;
    let mail = composites.iter_mut().find(|object| object["metadata"]["name"] == json!("mail")).unwrap();
    mail["spec"]["crossplane"]["resourceRefs"].as_array_mut().unwrap().push(reference);
    composed.pop();
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let (verdict, _, err) = run(&["--live", &live, "--delete", "md/ml-team-d/batch"]);
    assert!(err.contains("has composed resources that are not here: ModelPlacement mail-us-east; export these too"), "{err}");
    assert_eq!(verdict, Verdict::BadInput);
}
