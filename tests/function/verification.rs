//! What a deployment asks for: sums while it looks around, and what really stands there before it relies on one. Nobody asks for everybody.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::{Cluster, Reconciled};
use super::fleet::{cluster, deployment, environment, model, settled, standing};

/// How many objects came under each key in the end.
fn fetched(reconciled: &Reconciled) -> BTreeMap<&str, usize> {
    reconciled.request.required_resources.iter().map(|(key, resources)| (key.as_str(), resources.items.len())).collect()
}

fn places(reconciled: &Reconciled) -> Vec<String> {
    let status = reconciled.status();
    let items = status["placements"]["items"].as_array().into_iter().flatten();
    items.map(|item| item["environment"].as_str().unwrap().to_owned()).collect()
}

/// East is full since it was last summed up.
fn with_a_stale_sum(wanted: u32) -> Cluster {
    let mut cluster = cluster(wanted);
    cluster.stale = true;
    cluster.objects.push(standing("faster", "east", 8, true, "2026-06-01T00:00:00Z"));
    cluster
}

#[test]
fn a_sum_that_is_out_of_date_is_found_out_before_anything_relies_on_it() {
    for seeds in [false, true] {
        let mut cluster = with_a_stale_sum(1);
        cluster.seeds = seeds;
        let placed = cluster.reconcile();
        assert_eq!(places(&placed), ["west"], "12 GPUs do not fit beside 8 of 16");
        assert_eq!(
            fetched(&placed),
            BTreeMap::from([
                ("environments", 2),
                ("model-ClusterModel-llama", 1),
                ("placements-Object-east", 1),
                ("placements-Object-west", 0)
            ])
        );
        assert_eq!(placed.calls, 4, "seeding {seeds}: it asks for model and environments, for east, for west, and answers");
    }
}

#[test]
fn where_every_sum_is_out_of_date_it_says_so_and_takes_nothing() {
    let mut cluster = with_a_stale_sum(2);
    cluster.objects.push(standing("faster", "west", 8, true, "2026-06-01T00:00:00Z"));
    let waiting = cluster.reconcile();
    assert_eq!(places(&waiting), Vec::<String>::new());
    assert_eq!(waiting.status()["scheduling"]["rejectedTotal"], json!(2));
}

/// Crossplane gives up after six calls. Who comes last may meet another there, and then the younger of them yields.
#[test]
fn it_stops_asking_before_crossplane_gives_up() {
    let mut objects = vec![model(), deployment(1)];
    let names: Vec<String> = (0..8).map(|index| format!("e{index}")).collect();
    objects.extend(names.iter().map(|name| environment(name)));
    let mut cluster = Cluster::new(deployment(1), objects);
    cluster.sum_up();
    cluster.stale = true;
    cluster.objects.extend(names.iter().map(|name| standing("faster", name, 8, true, "2026-06-01T00:00:00Z")));
    let placed = cluster.reconcile();
    assert_eq!((placed.calls, places(&placed)), (6, vec!["e4".to_owned()]), "the four before it were looked at");
    assert_eq!(places(&cluster.reconcile()), ["e4"], "its own environment has not summed up yet");
    cluster.stale = false;
    assert_eq!(places(&cluster.reconcile()), Vec::<String>::new(), "what was not ready yet makes way, as soon as it is seen that it must");
}

/// The control plane sends what is asked for on every call, and since Crossplane 2.4 every write of it is a call.
#[test]
fn nothing_that_is_asked_for_grows_with_the_fleet() {
    let states = |others: usize| {
        let mut crowd: Vec<Value> = Vec::new();
        for index in 0..others {
            crowd.push(standing(&format!("other-{index}"), "north", 1, true, "2026-06-01T00:00:00Z"));
            let mut other = deployment(1);
            other["metadata"]["name"] = json!(format!("other-{index}"));
            other["metadata"]["uid"] = json!(format!("uid-of-other-{index}"));
            crowd.push(other);
        }
        // Turned down for the same reason, however many are there.
        let mut north = environment("north");
        north["metadata"]["labels"] = json!({});
        crowd.push(north);
        let with = |mut cluster: Cluster| {
            cluster.objects.extend(crowd.clone());
            cluster
        };
        let mut asked = Vec::new();
        for seeds in [false, true] {
            let mut deciding = with(cluster(1));
            deciding.seeds = seeds;
            let placed = deciding.reconcile();
            let mut loading = deciding;
            loading.reconcile();
            let mut resting = with(settled());
            resting.seeds = seeds;
            resting.reconcile();
            let mut waiting = with(cluster(1));
            waiting.seeds = seeds;
            waiting.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(100);
            waiting.reconcile();
            for state in [placed, loading.reconcile(), resting.reconcile(), waiting.reconcile()] {
                let counted: BTreeMap<String, usize> = fetched(&state).into_iter().map(|(key, count)| (key.to_owned(), count)).collect();
                asked.push((state.calls, counted, state.bytes));
            }
        }
        asked
    };
    let few = states(2);
    let count = |rows: &[(&str, usize)]| rows.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect::<BTreeMap<_, _>>();
    let model = ("model-ClusterModel-llama", 1);
    let deciding = count(&[("environments", 3), model, ("placements-Object-east", 0)]);
    let loading = count(&[("environment-east", 1), model]);
    let resting = count(&[("environment-east", 1), ("environment-west", 1), model]);
    let waiting = count(&[("environments", 3), model]);
    let calls: Vec<_> = few.iter().map(|(calls, counted, _)| (*calls, counted.clone())).collect();
    assert_eq!(
        calls,
        [
            (3, deciding.clone()),
            (2, loading.clone()),
            (2, resting.clone()),
            (2, waiting.clone()),
            (3, deciding),
            (1, loading),
            (1, resting),
            (1, waiting),
        ]
    );
    assert_eq!(states(1000), few);
}
