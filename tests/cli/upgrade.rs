//! The export of a control plane on which 0.1.0 ran: environments have no sum, and what serves has no labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::change::{example, folder, said};
use super::played_fleet::{Fleet, name_of};

fn of_0_1_0() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/v0.1.0")
}

/// What becomes of each deployment of which more becomes than that 0.1.0's are labelled, and of its placements.
fn placements(report: &Value) -> BTreeMap<String, Value> {
    let of = |deployment: &Value| {
        let name = format!("{}/{}", deployment["namespace"].as_str().unwrap(), deployment["name"].as_str().unwrap());
        let placements = deployment["placements"].as_array().unwrap().iter().map(|placement| {
            let fields = ["environment", "topology", "effect", "reason", "message", "decode", "prefill"];
            fields.map(|field| placement[field].clone()).into()
        });
        let found = json!([deployment["outcome"], deployment["message"], placements.collect::<Vec<Value>>()]);
        // Labels are an update of what otherwise stays as it is.
        (name, serde_json::from_str(&found.to_string().replace("\"updated\"", "\"unchanged\"")).unwrap())
    };
    let all = report["deployments"].as_array().unwrap().iter().map(of);
    all.filter(|(_, found): &(String, Value)| found[0] != json!("unchanged")).collect()
}

/// What an upgrade alone does: labels are added to what serves, and nothing else.
#[test]
fn an_upgrade_moves_freezes_restarts_and_deletes_nothing() {
    let live = of_0_1_0();
    let fleet = Fleet::read(std::slice::from_ref(&live));
    // A change that is none.
    let mut model = fleet.objects.iter().find(|object| object["kind"] == json!("ClusterModel")).unwrap().clone();
    model.as_object_mut().unwrap().remove("status");
    let (_folder, change) = folder(&[("model.json", &model.to_string())]);
    let report = said(&["--live", live.to_str().unwrap(), "--change", &change]);
    assert_eq!((&report["summary"]["deployments"], &report["summary"]["unchanged"]), (&json!(20), &json!(20)));
    assert_eq!(report["shortages"], json!([]));
    let (mut updated, mut seen) = (0, BTreeMap::new());
    for deployment in report["deployments"].as_array().unwrap() {
        let name = format!("{}/{}", deployment["namespace"].as_str().unwrap(), deployment["name"].as_str().unwrap());
        let without = &deployment["withoutChange"];
        for placement in without["placements"].as_array().into_iter().flatten() {
            assert!([json!("updated"), json!("unchanged")].contains(&placement["effect"]), "{name}: {placement}");
            seen.entry(name.clone()).or_insert_with(Vec::new).push(placement["environment"].clone());
        }
        for object in without["objects"].as_array().into_iter().flatten() {
            assert_eq!(object["action"], json!("changed"), "{name}: {object}");
        }
        updated += usize::from(!without["objects"].as_array().is_none_or(Vec::is_empty));
    }
    assert_eq!(updated, 20, "each is labelled, so that others see what it holds");
    for object in fleet.deployments().values() {
        let items = object["status"]["placements"]["items"].as_array().unwrap();
        let was: Vec<Value> = items.iter().map(|item| item["environment"].clone()).collect();
        assert_eq!(seen[&name_of(object)], was, "each is where it was");
    }
}

/// What is decided during the upgrade is decided as after it.
#[test]
fn a_change_does_the_same_to_what_0_1_0_left_as_to_what_runs_now() {
    let (old, change) = (of_0_1_0().display().to_string(), example("change"));
    let report = |live: &str| said(&["--live", live, "--change", &change, "--delete", "ie/eu-north"]);
    let (old, now) = (report(&old), report(&example("live")));
    assert_eq!(placements(&old), placements(&now));
    assert_eq!([&old["pools"], &old["shortages"]], [&now["pools"], &now["shortages"]]);
}
