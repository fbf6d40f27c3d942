//! What the lint's findings do: nothing, a word, or a rejection. What serves is never touched by them.

use function_modelplane::function::proto::Severity;
use serde_json::{Value, json};

use super::cluster::{Cluster, Reconciled};
use super::fleet::{cluster, model, settled};

/// The model's decode engine forgets its KV connector: nothing is transferred, and nothing says so at run time.
fn forget_connector(cluster: &mut Cluster) {
    cluster.change("ClusterModel", "llama", |object| {
        object["spec"]["serving"][0]["engine"]["args"] = json!(["--tensor-parallel-size=4"]);
    });
}

fn policy(cluster: &mut Cluster, lint: &str) {
    cluster.input = Some(json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "lint": lint}));
}

/// Status and reason of the condition.
fn profile_valid(reconciled: &Reconciled) -> (&'static str, String) {
    let (_, status, reason) = reconciled.conditions().into_iter().find(|(kind, ..)| kind == "ProfileValid").unwrap();
    (status, reason)
}

fn warnings(reconciled: &Reconciled) -> Vec<String> {
    reconciled.results().into_iter().filter(|(severity, _)| *severity == Severity::Warning).map(|(_, text)| text).collect()
}

const MISSING: &str = "ProfileValid: spec.serving[0].engine.args: ";

#[test]
fn an_error_is_told_once_and_places_all_the_same() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    let told = cluster.reconcile();
    assert_eq!(profile_valid(&told), ("False", "LintErrors".to_owned()));
    let [warning] = warnings(&told).try_into().unwrap();
    assert!(warning.starts_with(MISSING) && warning.ends_with("(KvConnectorMissing)"), "{warning}");
    assert_eq!(told.status()["placements"]["total"], json!(1));
    assert_eq!(warnings(&cluster.reconcile()), Vec::<String>::new());
}

#[test]
fn another_finding_is_told_again() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    cluster.reconcile();
    cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][0]["engine"]["args"] = json!(["--port=1"]));
    let [warning] = warnings(&cluster.reconcile()).try_into().unwrap();
    assert!(warning.contains("(PortArg)") && warning.contains("(KvConnectorMissing)"), "{warning}");
}

#[test]
fn off_looks_for_nothing() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    policy(&mut cluster, "Off");
    let silent = cluster.reconcile();
    assert_eq!((profile_valid(&silent), warnings(&silent)), (("True", "Valid".to_owned()), vec![]));
}

#[test]
fn enforced_an_error_keeps_every_new_placement_away() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    policy(&mut cluster, "Enforce");
    let refused = cluster.reconcile();
    let rejected = refused.status()["scheduling"]["rejected"].clone();
    let expected = "profile disagg has errors: spec.serving[0].engine.args: ";
    assert_eq!((&rejected[0]["environment"], &rejected[0]["reason"]), (&json!("east"), &json!("ProfileInvalid")));
    assert!(rejected[0]["message"].as_str().unwrap().starts_with(expected), "{rejected}");
    let message = refused.response.conditions.iter().find(|condition| condition.r#type == "PlacementsScheduled").unwrap().message();
    assert_eq!(message, "0/1 placed; 2/2 environments rejected: 2 left alone because of errors in profile disagg");
    assert!(refused.held_back() && refused.fatal().is_none());
}

#[test]
fn enforced_a_profile_without_errors_takes_the_place() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    cluster.change("ClusterModel", "llama", |object| {
        let mut sound = model()["spec"]["serving"][0].clone();
        sound["name"] = json!("sound");
        object["spec"]["serving"].as_array_mut().unwrap().push(sound);
    });
    policy(&mut cluster, "Enforce");
    let placed = cluster.reconcile();
    assert_eq!(placed.status()["placements"]["items"][0]["profile"], json!("sound"));
    assert_eq!(profile_valid(&placed).0, "False", "that another one was passed over is said");
}

/// Placements that exist are rendered on, also where the same edit would not be placed today.
#[test]
fn enforced_an_error_takes_nothing_away() {
    let mut cluster = settled();
    policy(&mut cluster, "Enforce");
    cluster.reconcile();
    let keys: Vec<String> = cluster.composed.keys().cloned().collect();
    forget_connector(&mut cluster);
    let after = cluster.reconcile();
    assert_eq!((after.fatal(), after.desired().into_keys().collect::<Vec<_>>()), (None, keys));
    let args = &after.desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"]["template"]["containers"][0]["args"];
    assert_eq!(args, &json!(["'--tensor-parallel-size=4'"]), "an edit is rendered in place, as always");
}

#[test]
fn a_model_says_of_itself_what_its_deployments_say() {
    let mut object = model();
    object["spec"]["serving"][0]["environmentSelector"] = Value::Null;
    let mut cluster = Cluster::new(object, Vec::new());
    let told = cluster.reconcile();
    assert_eq!(told.conditions(), vec![("ProfileValid".to_owned(), "True", "LintWarnings".to_owned())]);
    let [warning] = warnings(&told).try_into().unwrap();
    assert!(warning.ends_with("(NoRdmaSelector)"), "{warning}");
    assert!(!told.held_back(), "a warning stops nothing");
    assert_eq!(cluster.reconcile().results(), vec![]);
}

/// The model's owner accepts what the lint finds.
fn accept(cluster: &mut Cluster, entries: &str) {
    cluster.change("ClusterModel", "llama", |object| object["metadata"]["annotations"]["modelplane.ai/lint-ignore"] = json!(entries));
}

#[test]
fn enforced_what_the_models_owner_accepts_keeps_nothing_away() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    accept(&mut cluster, "KvConnectorMissing=decode alone is measured this week");
    policy(&mut cluster, "Enforce");
    let placed = cluster.reconcile();
    assert_eq!((profile_valid(&placed), warnings(&placed)), (("True", "Valid".to_owned()), vec![]));
    assert_eq!(placed.status()["placements"]["total"], json!(1));
    let message = placed.response.conditions.iter().find(|condition| condition.r#type == "ProfileValid").unwrap().message();
    assert_eq!(message, "2 serving profiles; ignored by modelplane.ai/lint-ignore: KvConnectorMissing", "it does not vanish");
}

#[test]
fn an_entry_that_does_not_count_is_a_warning_and_stops_nothing() {
    let mut cluster = cluster(1);
    accept(&mut cluster, "KvConectorMissing=measured; PortArg=a proxy; ModelTooLarge=only an environment shows it");
    policy(&mut cluster, "Enforce");
    let placed = cluster.reconcile();
    assert_eq!(profile_valid(&placed), ("True", "LintWarnings".to_owned()));
    let path = "metadata.annotations[\"modelplane.ai/lint-ignore\"]";
    let expected = format!(
        "ProfileValid: {path}: ignores \"KvConectorMissing\", and there is no such rule; write KvConnectorMissing (SuppressionInvalid); \
         {path}: ignores PortArg, of which nothing is found here; remove the entry (SuppressionUnused)"
    );
    assert_eq!(warnings(&placed), [expected]);
    assert_eq!(placed.status()["placements"]["total"], json!(1));
}

/// What a platform enforces on its models is not for a deployment's owner to accept.
#[test]
fn a_deployments_own_annotation_accepts_nothing_of_its_models() {
    let mut cluster = cluster(1);
    forget_connector(&mut cluster);
    policy(&mut cluster, "Enforce");
    cluster.composite["metadata"]["annotations"] = json!({"modelplane.ai/lint-ignore": "KvConnectorMissing=a team says so"});
    assert_eq!(profile_valid(&cluster.reconcile()), ("False", "LintErrors".to_owned()));
}
