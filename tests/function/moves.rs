//! Sequences in which something that a placement depends on changes, reconcile after reconcile: what serves is given up only
//! when something else serves in its place, and every answer says how far it is.

use function_modelplane::function::proto::{Ready, Severity};
use serde_json::{Value, json};

use super::cluster::{Cluster, Reconciled};
use super::fleet::{cluster, environment, model, settled, standing};

/// The serving resources that are wanted.
fn serving(reconciled: &Reconciled) -> Vec<String> {
    reconciled.desired().into_keys().filter(|key| key.ends_with("-pd") || key.ends_with("-unified")).collect()
}

/// A condition's status, reason and message.
fn condition(reconciled: &Reconciled, kind: &str) -> (&'static str, String, String) {
    let (_, status, reason) = reconciled.conditions().into_iter().find(|(found, ..)| found == kind).unwrap();
    let message = reconciled.response.conditions.iter().find(|found| found.r#type == kind).unwrap().message().to_owned();
    (status, reason, message)
}

/// The deployment settled on east only.
fn on_east() -> Cluster {
    let mut cluster = cluster(1);
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.report("object-east-pd", true, true, true);
    cluster.reconcile();
    cluster
}

fn to_unified(cluster: &mut Cluster, strategy: &str) {
    let spec = cluster.composite["spec"].as_object_mut().unwrap();
    spec.insert("topology".to_owned(), json!("Unified"));
    spec.insert("scaling".to_owned(), json!({"signal": "Fixed", "fixed": {"replicas": 1}}));
    spec.insert("strategy".to_owned(), json!({"type": strategy}));
    spec.remove("prefill");
}

#[test]
fn a_model_edited_into_nonsense_and_back_changes_nothing() {
    let mut cluster = settled();
    let before = cluster.composed.clone();
    let desired = cluster.reconcile().desired();
    cluster.change("ClusterModel", "llama", |object| object["spec"]["model"]["name"] = json!("{{ nonsense }}"));
    let broken = cluster.reconcile();
    assert!(broken.fatal().unwrap().starts_with("ClusterModel llama is invalid: spec.model.name: "), "{:?}", broken.fatal());
    assert_eq!(cluster.composed, before);
    cluster.change("ClusterModel", "llama", |object| object["spec"]["model"]["name"] = json!("meta-llama/Llama"));
    assert_eq!(cluster.reconcile().desired(), desired);
}

#[test]
fn an_environment_deleted_and_recreated_under_its_name_keeps_its_placement() {
    let mut cluster = on_east();
    cluster.delete("InferenceEnvironment", "east");
    let moving = cluster.reconcile();
    assert_eq!(serving(&moving), ["object-east-pd", "object-west-pd"], "a replacement is on its way");
    assert_eq!(condition(&moving, "PlacementsReady").1, "Replacing", "users are served, until something else serves them");
    cluster.objects.push(environment("east"));
    let back = cluster.reconcile();
    assert_eq!(serving(&back), ["object-east-pd"], "what serves stays, the replacement that does not serve yet goes");
    assert_eq!(condition(&back, "PlacementsReady").0, "True");
}

#[test]
fn an_environment_that_is_emptied_is_left_only_for_one_that_serves() {
    let mut cluster = on_east();
    cluster.change("InferenceEnvironment", "east", |object| object["spec"]["availability"] = json!("Draining"));
    cluster.delete("InferenceEnvironment", "west");
    let stuck = cluster.reconcile();
    assert_eq!(serving(&stuck), ["object-east-pd"]);
    let (status, reason, message) = condition(&stuck, "PlacementsScheduled");
    assert_eq!((status, reason.as_str()), ("False", "NoEnvironmentMatches"));
    assert_eq!(message, "0/1 placed; 1/1 environments rejected: 1 cordoned");
    assert_eq!(stuck.status()["placements"]["items"][0]["reason"], json!("EnvironmentDraining"));
    assert_eq!(cluster.reconcile().results(), vec![], "said once");
    cluster.objects.push(environment("west"));
    assert_eq!(serving(&cluster.reconcile()), ["object-east-pd", "object-west-pd"]);
    cluster.create_the_rest();
    cluster.report("object-west-pd", true, true, true);
    assert_eq!(serving(&cluster.reconcile()), ["object-west-pd"]);
}

/// A drain is routine: whoever watches readiness is called when users are no longer served, not before.
#[test]
fn while_something_is_replaced_what_serves_counts() {
    let readiness = |reconciled: &Reconciled| {
        let kinds = ["PlacementsReady", "DecodeReady", "PrefillReady"];
        let conditions = kinds.map(|kind| condition(reconciled, kind));
        let resources = &reconciled.response.desired.as_ref().unwrap().resources;
        let ready = !reconciled.held_back() && resources.values().all(|resource| resource.ready() == Ready::True);
        (ready, conditions.map(|(status, reason, message)| format!("{status} {reason}: {message}")))
    };
    let leaves = "east: EnvironmentDraining: the environment is draining; the placement stays as it is until a replacement is ready";
    let mut cluster = on_east();
    cluster.change("InferenceEnvironment", "east", |object| object["spec"]["availability"] = json!("Draining"));
    let moving = cluster.reconcile();
    let old = "in 1/1 environments; until it is replaced, what leaves serves in east";
    assert_eq!(
        readiness(&moving),
        (
            true,
            [
                format!("True Replacing: 1/1 ready; {leaves}; west: Creating: the serving object is being created"),
                format!("True Replacing: {old}"),
                format!("True Replacing: {old}"),
            ]
        )
    );
    cluster.report("object-east-pd", false, true, true);
    let fallen = cluster.reconcile();
    let (ready, [placements, decode, prefill]) = readiness(&fallen);
    assert!(!ready, "neither serves");
    assert!(placements.starts_with("False NotReady: 0/1 ready; "), "{placements}");
    assert_eq!(decode, "False NotAvailable: in 0/1 environments; not in west");
    assert_eq!(prefill, format!("True Replacing: {old}"));
    cluster.report("object-east-pd", true, true, true);
    cluster.delete("InferenceEnvironment", "west");
    cluster.composed.retain(|key, _| !key.contains("west"));
    let waiting = cluster.reconcile();
    assert_eq!(
        readiness(&waiting),
        (
            true,
            [
                format!("True ReplacementWaits: 1/1 ready; {leaves}"),
                format!("True ReplacementWaits: {old}"),
                format!("True ReplacementWaits: {old}"),
            ]
        )
    );
    cluster.composite["spec"]["environments"] = json!(2);
    let more = cluster.reconcile();
    assert!(!readiness(&more).0, "one more is wanted than serves");
}

/// A placement without phases does the work of both.
#[test]
fn a_unified_placement_serves_both_phases_until_disaggregated_ones_do() {
    let mut cluster = cluster(1);
    let spec = cluster.composite["spec"].clone();
    to_unified(&mut cluster, "RollingUpdate");
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.report("object-east-unified", true, true, true);
    cluster.reconcile();
    cluster.composite["spec"] = spec;
    let switching = cluster.reconcile();
    assert_eq!(serving(&switching), ["object-east-unified", "object-west-pd"]);
    for kind in ["DecodeReady", "PrefillReady"] {
        let message = "in 1/1 environments; until it is replaced, what leaves serves in east".to_owned();
        assert_eq!(condition(&switching, kind), ("True", "Replacing".to_owned(), message), "{kind}");
    }
    cluster.report("object-west-pd", true, true, true);
    let done = cluster.reconcile();
    assert_eq!(condition(&done, "PrefillReady").1, "Available");
    assert_eq!(serving(&done), ["object-west-pd"]);
}

/// Somebody deleted it, or the control plane lost it: it is made again where it was, and whoever asks why finds an event.
#[test]
fn a_serving_object_that_vanished_is_made_again_where_it_was_and_said_once() {
    let mut cluster = cluster(1);
    cluster.delete("InferenceEnvironment", "east");
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.report("object-west-pd", true, true, true);
    cluster.reconcile();
    cluster.objects.push(environment("east"));
    cluster.composed.remove("object-west-pd");
    let again = cluster.reconcile();
    assert_eq!(serving(&again), ["object-west-pd"], "east comes first by name, but it was in west");
    let vanished = "west (PrefillDecode): the serving object was deleted by somebody else; it is made again where it was";
    assert!(again.results().contains(&(Severity::Warning, vanished.to_owned())), "{:?}", again.results());
    assert_eq!(cluster.reconcile().results(), vec![], "said once");
    cluster.reconcile();
    cluster.composed.remove("object-west-pd");
    cluster.change("InferenceEnvironment", "west", |object| object["status"]["capacity"]["gpuPools"][0]["nodes"] = json!(1));
    let elsewhere = cluster.reconcile();
    assert_eq!(serving(&elsewhere), ["object-east-pd"]);
    let vanished = "west (PrefillDecode): the serving object was deleted by somebody else; there is no room for it any more where it was";
    assert!(elsewhere.results().contains(&(Severity::Warning, vanished.to_owned())), "{:?}", elsewhere.results());
}

#[test]
fn an_invalid_environment_that_is_emptied_or_deleted_is_left_while_it_still_serves() {
    type Leave = fn(&mut Value);
    let leavings: [(Leave, &str); 2] = [
        (|object| object["spec"]["availability"] = json!("Draining"), "EnvironmentDraining"),
        (|object| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"), "EnvironmentDeleting"),
    ];
    for (leave, reason) in leavings {
        let mut cluster = on_east();
        cluster.change("InferenceEnvironment", "east", |object| {
            object["spec"]["cluster"] = json!({"source": "Existing", "surprise": 1});
            leave(object);
        });
        let moving = cluster.reconcile();
        assert_eq!(serving(&moving), ["object-east-pd", "object-west-pd"], "{reason}: a replacement is on its way");
        assert_eq!(moving.status()["placements"]["items"][0]["reason"], json!(reason));
    }
}

#[test]
fn what_became_ready_while_it_was_frozen_is_remembered_and_steady() {
    let mut cluster = cluster(1);
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][0]["name"] = json!("renamed"));
    cluster.reconcile();
    cluster.report("object-east-pd", true, true, true);
    cluster.reconcile();
    cluster.report("object-east-pd", false, true, true);
    let item = cluster.reconcile().status()["placements"]["items"][0].clone();
    assert_eq!((&item["ready"], &item["settled"]), (&json!(false), &json!(true)), "it was ready once, whatever its annotation says");
    assert_eq!(cluster.reconcile().request.required_resources.len(), 2, "and nothing is to be decided");
}

#[test]
fn what_is_being_deleted_does_not_serve_in_place_of_what_stays() {
    let mut cluster = settled();
    // Stuck on its finalizer it still reports what it last saw.
    cluster.composed.get_mut("object-east-pd").unwrap()["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    cluster.composite["spec"]["environments"] = json!(1);
    assert_eq!(serving(&cluster.dry_run()), ["object-west-pd"]);
}

#[test]
fn another_model_is_served_where_the_old_one_was() {
    let mut cluster = on_east();
    let mut other = model();
    other["metadata"]["name"] = json!("other");
    other["spec"]["model"]["name"] = json!("other/Llama");
    cluster.objects.push(other.clone());
    cluster.composite["spec"]["modelRef"]["name"] = json!("other");
    let changed = cluster.reconcile();
    let served = changed.desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"]["model"]["name"].clone();
    assert_eq!((serving(&changed), served), (vec!["object-east-pd".to_owned()], json!("other/Llama")));

    other["metadata"]["name"] = json!("huge");
    other["spec"]["serving"][0]["resources"]["gpu"] = json!(16);
    cluster.objects.push(other);
    cluster.composite["spec"]["modelRef"]["name"] = json!("huge");
    let before = cluster.composed["object-east-pd"]["spec"].clone();
    let frozen = cluster.reconcile();
    assert_eq!(frozen.desired()["object-east-pd"]["spec"], before, "no profile of it fits the node, so nothing is touched");
    let said: Vec<(Severity, bool)> = frozen.results().iter().map(|(severity, text)| (*severity, text.contains("ProfileValid"))).collect();
    assert_eq!(said, [(Severity::Warning, true), (Severity::Warning, false)], "the lint sees 16 GPUs for 4, and the placement is frozen");
}

#[test]
fn a_rolling_switch_shows_old_and_new_until_every_new_one_is_ready() {
    let mut cluster = settled();
    to_unified(&mut cluster, "RollingUpdate");
    let switching = cluster.reconcile();
    assert_eq!(serving(&switching), ["object-east-pd", "object-east-unified", "object-west-pd", "object-west-unified"]);
    assert_eq!(switching.status()["placements"]["items"].as_array().unwrap().len(), 4, "old and new are listed");
    assert_eq!(condition(&switching, "PlacementsScheduled").2, "2/2 placed");
    let (status, reason, message) = condition(&switching, "PlacementsReady");
    let (old, new) = (
        "TopologyChanged: spec.topology was changed; the placement stays as it is until every one of the new topology is ready",
        "Creating: the serving object is being created",
    );
    let each = format!("east: {new}; east: {old}; west: {new}; west: {old}");
    assert_eq!((status, reason.as_str(), message), ("True", "Replacing", format!("2/2 ready; {each}")));
    assert!(!switching.held_back());
    cluster.report("object-east-unified", true, true, true);
    assert_eq!(serving(&cluster.reconcile()).len(), 4, "one of two is not all");
    cluster.report("object-west-unified", true, true, true);
    let done = cluster.reconcile();
    assert_eq!(serving(&done), ["object-east-unified", "object-west-unified"]);
    assert!(!done.held_back());
}

#[test]
fn a_switch_that_does_not_fit_moves_nothing_and_says_how_much_is_missing() {
    let mut cluster = settled();
    to_unified(&mut cluster, "RollingUpdate");
    // Twelve GPUs are held by the old placement on each environment; a node of eight is not free in either.
    cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][1]["resources"]["gpu"] = json!(8));
    let before = cluster.composed.clone();
    let waiting = cluster.reconcile();
    assert_eq!(serving(&waiting), ["object-east-pd", "object-west-pd"]);
    assert_eq!(cluster.composed["object-east-pd"]["spec"], before["object-east-pd"]["spec"]);
    let (status, reason, message) = condition(&waiting, "PlacementsScheduled");
    assert_eq!((status, reason.as_str()), ("False", "TopologySwitchWaits"));
    assert_eq!(
        message,
        "0/2 placed; nothing moves, because the placements of topology Unified do not all fit beside the 2 old ones (8 GPUs are missing); \
         set spec.strategy.type to Recreate to give up the old ones first; 2/2 environments rejected: 2 short of GPUs (need 8, at most 4 \
         free)"
    );
    cluster.composite["spec"]["strategy"] = json!({"type": "Recreate"});
    let recreated = cluster.reconcile();
    assert_eq!(serving(&recreated), ["object-east-unified", "object-west-unified"]);
}

#[test]
fn a_switch_undone_in_the_middle_ends_where_it_began() {
    let mut cluster = settled();
    let (spec, before) = (cluster.composite["spec"].clone(), cluster.reconcile().desired());
    to_unified(&mut cluster, "RollingUpdate");
    assert_eq!(serving(&cluster.reconcile()).len(), 4);
    cluster.composite["spec"] = spec;
    let back = cluster.reconcile();
    assert_eq!(back.desired(), before);
    assert!(!back.held_back());
}

#[test]
fn more_replicas_than_fit_are_rendered_and_said_to_be_short_until_they_fit() {
    let mut cluster = on_east();
    cluster.objects.push(standing("other", "east", 4, true, "2026-06-01T00:00:00Z"));
    cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(3);
    let grown = cluster.reconcile();
    let replicas = &grown.desired()["object-east-pd"]["spec"]["forProvider"]["manifest"]["spec"]["replicas"];
    assert_eq!(replicas, &json!(3), "the owner asked, Kubernetes decides which pods start");
    let (status, reason, message) = condition(&grown, "PlacementsScheduled");
    assert_eq!((status, reason.as_str()), ("False", "ShortOfGpus"));
    assert_eq!(message, "1/1 placed; east is short of 4 GPUs, because more is promised of pool h200 than the 16 it has");
    assert_eq!(grown.results(), vec![(Severity::Warning, format!("PlacementsScheduled: {message}"))]);
    assert!(!grown.held_back(), "it serves as before");
    let again = cluster.reconcile();
    assert_eq!((again.results(), condition(&again, "PlacementsScheduled").1.as_str()), (vec![], "ShortOfGpus"), "said once, shown on");
    cluster.delete("Object", "other-east");
    let fits = cluster.reconcile();
    assert_eq!(condition(&fits, "PlacementsScheduled"), ("True", "Placed".to_owned(), "1/1 placed".to_owned()));
    assert_eq!(cluster.reconcile().request.required_resources.len(), 2, "and it is steady again: the model and its environment");
}

#[test]
fn of_two_that_took_the_last_gpus_the_younger_makes_way_unless_it_is_ready() {
    let mut race = cluster(1);
    race.reconcile();
    race.objects.push(standing("older", "east", 8, false, "2025-01-01T00:00:00Z"));
    let mut ready = race.clone();
    assert_eq!(serving(&race.reconcile()), ["object-west-pd"], "12 and 8 of 16 GPUs");
    ready.create_the_rest();
    ready.report("object-east-pd", true, true, true);
    let stays = ready.reconcile();
    assert_eq!(serving(&stays), ["object-east-pd"]);
}

#[test]
fn what_is_frozen_for_good_does_not_make_the_control_plane_fetch_the_fleet() {
    let mut cluster = on_east();
    cluster.change("ClusterModel", "llama", |object| object["spec"]["serving"][0]["name"] = json!("renamed"));
    cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1);
    cluster.reconcile();
    let frozen = cluster.reconcile();
    assert_eq!(frozen.status()["placements"]["items"][0]["reason"], json!("ProfileGone"));
    let required: Vec<&String> = frozen.request.required_resources.keys().collect();
    assert_eq!(required, ["environment-east", "model-ClusterModel-llama"]);
}

#[test]
fn a_placement_that_lost_its_annotation_is_remembered_by_the_status_and_without_both_left_alone() {
    let mut cluster = on_east();
    let before = cluster.reconcile().desired();
    let annotations = |cluster: &mut Cluster| {
        let object = cluster.composed.get_mut("object-east-pd").unwrap();
        object["metadata"]["annotations"].as_object_mut().unwrap().remove("modelplane.ai/placement");
    };
    annotations(&mut cluster);
    assert_eq!(cluster.reconcile().desired(), before, "the annotation is written again");
    annotations(&mut cluster);
    cluster.composite["status"] = Value::Null;
    let spec = cluster.composed["object-east-pd"]["spec"].clone();
    let lost = cluster.reconcile();
    assert_eq!(lost.desired()["object-east-pd"]["spec"], spec);
    assert_eq!(lost.status()["placements"]["items"][0]["reason"], json!("RecordGone"));
    assert_eq!(condition(&lost, "DecodeReady").0, "True", "it serves, whatever is known of how it came there");
}

#[test]
fn everything_of_a_deployment_stays_in_one_namespace_of_a_cluster() {
    let mut gated = model();
    gated["spec"]["huggingFace"]["secretRef"] = json!({"name": "hub", "namespace": "hubs", "key": "token"});
    let mut cluster = on_east();
    cluster.change("ClusterModel", "llama", |object| *object = gated);
    cluster.reconcile();
    cluster.input = Some(json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "remoteNamespace": "models"}));
    to_unified(&mut cluster, "RollingUpdate");
    cluster.delete("InferenceEnvironment", "west");
    let desired = cluster.reconcile().desired();
    for key in ["object-east-unified", "object-serviceaccount-east", "token-east"] {
        let namespace = &desired[key]["spec"]["forProvider"]["manifest"]["metadata"]["namespace"];
        assert_eq!(namespace, &json!("team"), "{key}: an engine finds its ServiceAccount in its own namespace only");
    }
}

#[test]
fn rdma_that_nobody_asked_for_is_warned_of_once() {
    let mut cluster = cluster(1);
    cluster.input = Some(json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "rdma": "Profile"}));
    cluster.change("ClusterModel", "llama", |object| {
        object["spec"]["serving"][0].as_object_mut().unwrap().remove("environmentSelector");
    });
    let warned: Vec<_> = cluster.reconcile().results().into_iter().filter(|(severity, _)| *severity == Severity::Warning).collect();
    let [lint, placement] = warned.as_slice() else { panic!("{warned:?}") };
    assert!(lint.1.ends_with("(NoRdmaSelector)"), "{}", lint.1);
    assert!(placement.1.starts_with("east: profile disagg does not select environments by modelplane.ai/rdma"), "{}", placement.1);
    assert_eq!(cluster.reconcile().results(), vec![]);
}

#[test]
fn as_many_rejections_are_listed_as_the_input_says() {
    let mut cluster = cluster(2);
    for name in ["east", "west"] {
        cluster.change("InferenceEnvironment", name, |object| object["spec"]["availability"] = json!("Cordoned"));
    }
    cluster.input = Some(json!({"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "maxRejections": 1}));
    let scheduling = cluster.reconcile().status()["scheduling"].clone();
    assert_eq!((&scheduling["rejectedTotal"], scheduling["rejected"].as_array().unwrap().len()), (&json!(2), 1));
}

/// Crossplane writes the conditions after the rest of the status, and may call in between.
#[test]
fn the_last_decisions_report_does_not_depend_on_the_condition_that_repeats_it() {
    let mut cluster = settled();
    cluster.composite["spec"]["environments"] = json!(1);
    cluster.reconcile();
    cluster.objects.push(environment("north"));
    cluster.change("InferenceEnvironment", "north", |object| object["spec"]["availability"] = json!("Cordoned"));
    cluster.composite["spec"]["environments"] = json!(2);
    cluster.change("InferenceEnvironment", "west", |object| object["metadata"]["labels"] = json!({}));
    let message = |reconciled: &Reconciled| reconciled.response.conditions[2].message().to_owned();
    let short = "1/2 placed; 2/3 environments rejected: 1 cordoned, 1 lacks label modelplane.ai/rdma=true";
    assert_eq!(message(&cluster.reconcile()), short);
    cluster.composite["spec"]["environments"] = json!(1);
    let placed = "1/1 placed; 2/3 environments rejected: 1 cordoned, 1 lacks label modelplane.ai/rdma=true";
    cluster.reconcile();
    cluster.composite["status"]["conditions"] = json!([]);
    let between = cluster.reconcile();
    assert_eq!((message(&between).as_str(), between.results()), (placed, vec![]), "and nothing is said again");
}
