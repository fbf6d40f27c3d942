//! The example fleet: the export of what runs, made by playing a control plane, and a change of it, which is made for real and compared
//! with what `preview` says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use function_modelplane::cli::manifests::load;
use function_modelplane::cli::verdict::Verdict;
use serde_json::{Value, json};

use super::change::{run, said};
use super::played_fleet::{Fleet, fleet_path, name_of};

/// The fleet as people applied it, when everything is ready.
fn applied() -> Fleet {
    let mut fleet = Fleet::read(&["clustermodels.yaml", "environments.yaml", "modeldeployments.yaml"].map(fleet_path));
    fleet.settle();
    fleet
}

#[test]
fn the_export_is_what_becomes_of_the_manifests() {
    for (file, text) in applied().export() {
        let path = fleet_path("live").join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap_or_default() == text, "{} differs: ./generate schemas writes it", path.display());
    }
}

const CHANGE: [&str; 4] = ["--change", "CHANGE", "--delete", "ie/eu-north"];

fn words() -> Vec<String> {
    let live = ["--live".to_owned(), fleet_path("live").display().to_string()];
    let change = CHANGE.map(|word| word.replace("CHANGE", &fleet_path("change").display().to_string()));
    live.into_iter().chain(change).collect()
}

#[test]
fn what_the_change_does_is_told_as_it_was_last_read() {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (verdict, out, err) = run(&words);
    assert_eq!((verdict, err.as_str()), (Verdict::NotPlaced, ""));
    insta::assert_snapshot!("fleet-change", out);
    let text = said(&words).to_string();
    assert!(!text.contains('\u{1b}'), "a machine reads no colours");
}

type Objects = BTreeMap<String, Value>;

/// Whether the status says of what is ready that it is left as it is.
fn frozen(fleet: &Fleet, name: &str, key: &str) -> bool {
    let items = fleet.deployments().get(name).map(|object| object["status"]["placements"]["items"].clone()).unwrap_or_default();
    items.as_array().into_iter().flatten().any(|item| {
        let suffix = if item["topology"] == json!("PrefillDecode") { "pd" } else { "unified" };
        key.ends_with(&format!("-{}-{suffix}", item["environment"].as_str().unwrap()))
            && item["ready"] == json!(true)
            && item["reason"] != Value::Null
    })
}

/// Where each deployment serves.
fn places(objects: &Objects) -> BTreeSet<String> {
    objects.keys().filter(|key| key.ends_with("-pd") || (key.ends_with("-unified") && !key.contains("scaledobject"))).cloned().collect()
}

/// What of an object can make it another.
fn essence(object: &Value) -> Value {
    let mut spec = object["spec"].clone();
    if let Some(spec) = spec.as_object_mut().filter(|_| object["kind"] == json!("Object")) {
        // Defaults that an API server adds.
        spec.remove("watch");
        let policies = spec.get("managementPolicies") == Some(&json!(["*"]));
        spec.retain(|field, value| (field != "managementPolicies" || !policies) && *value != json!({"policy": "SuccessfulCreate"}));
    }
    let record = object["metadata"]["annotations"]["modelplane.ai/placement"].as_str().unwrap_or("{}");
    let mut record: Value = serde_json::from_str(record).unwrap();
    record.as_object_mut().unwrap().remove("settled");
    json!([object["kind"], spec, object["secrets"], record])
}

/// The pods of a phase, whose change makes them others.
fn pods(object: &Value, prefill: bool) -> Value {
    let service = object.pointer("/spec/forProvider/manifest").unwrap_or(object);
    let phase = if prefill { &service["spec"]["prefill"] } else { &service["spec"] };
    json!([service["spec"]["model"], phase["labels"], phase["annotations"], phase["template"]])
}

/// How many pods a placement has, or how that is found.
fn numbers(objects: &Objects, key: &str) -> Value {
    let service = objects[key].pointer("/spec/forProvider/manifest").unwrap_or(&objects[key]);
    let scalers: Vec<Value> = objects.iter().filter(|(key, _)| key.contains("scaledobject")).map(|(_, object)| essence(object)).collect();
    let of = |phase: &Value| json!([phase["replicas"], phase["scaling"]]);
    json!([of(&service["spec"]), of(&service["spec"]["prefill"]), scalers])
}

/// What was seen of a deployment: in a word, as preview says it, with its placements and the objects that changed.
fn seen(name: &str, before: &Fleet, at_once: &Fleet, after: &Fleet) -> (String, BTreeMap<String, String>, BTreeSet<String>) {
    let nothing = Objects::new();
    let of = |fleet: &Fleet| fleet.composed.get(name).unwrap_or(&nothing).clone();
    let (old, now, new) = (of(before), of(at_once), of(after));
    let mut placements = BTreeMap::new();
    for key in places(&old).union(&places(&new)) {
        let effect = match (old.get(key), new.get(key)) {
            (Some(_), None) if now.contains_key(key) => "leaving",
            (Some(_), None) => "deleted",
            (None, _) => "created",
            (Some(old), Some(new)) if [true, false].iter().any(|prefill| pods(old, *prefill) != pods(new, *prefill)) => "restarted",
            (Some(old), Some(new)) if essence(old) != essence(new) => "changed",
            _ if frozen(after, name, key) && !frozen(before, name, key) => "frozen",
            (Some(_), Some(_)) => "unchanged",
        };
        placements.insert(key.clone(), effect.to_owned());
    }
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = |key: &&&String| old.get(**key).map(essence) != new.get(**key).map(essence);
    let changed: BTreeSet<String> = all.iter().filter(differ).map(|key| (*key).clone()).collect();
    let has = |effect: &str| placements.values().any(|known| known == effect);
    let scheduled = |fleet: &Fleet| {
        let conditions = fleet.deployments().get(name).map(|object| object["status"]["conditions"].clone()).unwrap_or_default();
        let conditions = conditions.as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == json!("PlacementsScheduled") && condition["status"] == json!("True"))
    };
    let gone = has("leaving") || has("deleted");
    let outcome = match () {
        () if !after.deployments().contains_key(name) => "deleted",
        () if after.refused.contains_key(name) => "refused",
        () if gone && !has("created") => "deleted",
        () if has("restarted") => "restarted",
        () if !scheduled(after) && (scheduled(before) || !changed.is_empty() || has("frozen")) => "waiting",
        () if gone => "moved",
        () if has("created") => "created",
        () if placements.keys().any(|key| numbers(&old, key) != numbers(&new, key)) => "scaled",
        () if has("frozen") => "frozen",
        () if !changed.is_empty() => "updated",
        () => "unchanged",
    };
    (outcome.to_owned(), placements, changed)
}

/// The same as preview says it.
fn told(deployment: &Value) -> (String, BTreeMap<String, String>, BTreeSet<String>) {
    let placements = deployment["placements"].as_array().unwrap().iter().map(|placement| {
        let topology = if placement["topology"] == json!("PrefillDecode") { "pd" } else { "unified" };
        let environment = placement["environment"].as_str().unwrap();
        let kind = if environment == "here" { "llmisvc" } else { "object" };
        let effect = placement["effect"].as_str().unwrap().replace("scaled", "changed").replace("updated", "changed");
        (format!("{kind}-{environment}-{topology}"), effect)
    });
    let objects = deployment["objects"].as_array().unwrap().iter().map(|object| object["key"].as_str().unwrap().to_owned());
    (deployment["outcome"].as_str().unwrap().to_owned(), placements.collect(), objects.collect())
}

/// Makes a change for real and compares, deployment by deployment.
fn compare(live: &Fleet, words: &[&str], change: impl FnOnce(&mut Fleet)) -> Value {
    let mut at_once = live.clone();
    change(&mut at_once);
    at_once.come_to_rest();
    let mut after = at_once.clone();
    after.settle();
    let report = said(words);
    let deployments = report["deployments"].as_array().unwrap();
    let named: BTreeSet<String> = live.deployments().keys().chain(after.deployments().keys()).cloned().collect();
    assert_eq!(deployments.len(), named.len());
    for (name, deployment) in named.iter().zip(deployments) {
        assert_eq!(*name, format!("{}/{}", deployment["namespace"].as_str().unwrap(), deployment["name"].as_str().unwrap()));
        let mut told = told(deployment);
        let seen = seen(name, live, &at_once, &after);
        if deployment["outcome"] == json!("unchanged") && deployment["withoutChange"] != Value::Null {
            told.1.clone_from(&seen.1);
        }
        assert_eq!(told, seen, "{name}");
        if let Some(message) = after.refused.get(name) {
            assert_eq!(deployment["message"], json!(message), "{name}");
        }
    }
    report
}

#[test]
fn what_preview_says_is_what_then_happens() {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let report = compare(&Fleet::read(&[fleet_path("live")]), &words, |fleet| {
        load(&[fleet_path("change")], &mut std::io::empty(), &mut Vec::new())
            .unwrap()
            .into_iter()
            .for_each(|manifest| fleet.apply(manifest.object));
        fleet.delete("InferenceEnvironment", "eu-north");
    });
    let summary = json!({"deployments": 20, "restarted": 5, "moved": 1, "waiting": 2, "created": 1, "unchanged": 11, "refused": 0,
        "deleted": 0, "frozen": 0, "scaled": 0, "updated": 0});
    assert_eq!(report["summary"], summary);
}

/// Kind, name, and what is done to the object.
type Edit<'a> = (&'a str, &'a str, &'a dyn Fn(&mut Value));

/// Edits one object at a time.
fn edit(edits: &[Edit<'_>]) {
    let live = Fleet::read(&[fleet_path("live")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edited.yaml");
    for (kind, name, change) in edits {
        let mut object = live.objects.iter().find(|object| object["kind"] == json!(kind) && name_of(object) == *name).unwrap().clone();
        change(&mut object);
        fs::write(&file, object.to_string()).unwrap();
        let words = ["--live", &fleet_path("live").display().to_string(), "--change", &file.display().to_string()];
        compare(&live, &words, |fleet| fleet.apply(object));
    }
}

fn fixed(replicas: u32) -> Value {
    json!({"signal": "Fixed", "fixed": {"replicas": replicas}})
}

#[test]
fn an_edit_of_a_deployment_is_told_as_it_then_happens() {
    edit(&[
        ("ModelDeployment", "ml-team-b/mail", &|object| object["spec"]["scaling"] = fixed(2)),
        ("ModelDeployment", "ml-team-a/chat", &|object| object["spec"]["environments"] = json!(1)),
        ("ModelDeployment", "ml-team-a/chat", &|object| object["spec"]["environments"] = json!(3)),
        ("ModelDeployment", "ml-team-a/search", &|object| object["spec"]["scaling"] = fixed(2)),
        ("ModelDeployment", "ml-team-d/code", &|object| {
            object["spec"]["topology"] = json!("Unified");
            object["spec"].as_object_mut().unwrap().remove("prefill");
        }),
        ("ModelDeployment", "ml-team-d/research", &|object| {
            object["spec"]["topology"] = json!("PrefillDecode");
            object["spec"]["strategy"] = json!({"type": "Recreate"});
            object["spec"]["prefill"] = json!({"scaling": fixed(1)});
        }),
        ("ModelDeployment", "ml-team-d/batch", &|object| object["spec"]["modelRef"]["name"] = json!("mistral-24b")),
        ("ModelDeployment", "ml-team-d/batch", &|object| object["spec"]["environments"] = json!(0)),
        ("ModelDeployment", "ml-team-d/batch", &|object| {
            object["spec"]["environmentSelector"] = json!({"matchLabels": {"modelplane.ai/region": "us-west"}});
        }),
    ]);
}

#[test]
fn an_edit_of_what_deployments_share_is_told_as_it_then_happens() {
    edit(&[
        ("InferenceEnvironment", "us-east", &|object| object["spec"]["availability"] = json!("Draining")),
        ("InferenceEnvironment", "eu-central", &|object| object["spec"]["rdma"]["resources"] = json!({"rdma/other": 2})),
        ("InferenceEnvironment", "us-west", &|object| object["spec"]["cluster"]["existing"]["nodePools"][0]["name"] = json!("renamed")),
        ("ClusterModel", "llama-70b", &|object| object["spec"]["serving"][0]["name"] = json!("renamed")),
        ("ClusterModel", "llama-70b", &|object| object["spec"]["serving"][0]["resources"]["gpu"] = json!(8)),
        ("ClusterModel", "qwen-7b", &|object| object["spec"]["model"]["name"] = json!("{{hostile}}")),
    ]);
}

#[test]
fn a_deletion_is_told_as_it_then_happens() {
    let live = Fleet::read(&[fleet_path("live")]);
    for (kind, name, target) in [
        ("ClusterModel", "llama-70b", "clustermodel/llama-70b"),
        ("Model", "ml-team-c/reranker", "models.modelplane.ai/ml-team-c/reranker"),
        ("InferenceEnvironment", "here", "InferenceEnvironments/here"),
        ("InferenceEnvironment", "us-east", "ie/us-east"),
        ("ModelDeployment", "ml-team-a/summaries", "md/ml-team-a/summaries"),
    ] {
        let words = ["--live", &fleet_path("live").display().to_string(), "--delete", target];
        compare(&live, &words, |fleet| fleet.delete(kind, name));
    }
}
