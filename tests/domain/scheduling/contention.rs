//! Pools that were promised twice: exactly one side yields, and never what was ready.

use function_modelplane::domain::scheduling::contention::Shortage;
use function_modelplane::domain::scheduling::holdings::{Fleet, Seniority};
use function_modelplane::domain::scheduling::ledger::Charge;
use function_modelplane::domain::scheduling::placement::Existing;
use function_modelplane::domain::spec::environment::{ClusterIdentity, Environment};

use crate::domain::fleet::{apply, deployment, environment, environments, holding, places, plan, wished};

/// `chat` as it exists after it took eight of east's eight GPUs.
fn placed(name: &str, ready: bool) -> Vec<Existing> {
    let (deployment, model) = wished(name, 1, (1, 8), None);
    let east = environments([environment("east", &[("h200", 1, 8)])]);
    let first = plan(&deployment, &model, &east, &[], &Fleet::default());
    let mut existing = apply(&deployment, &first, &[]);
    for placement in &mut existing {
        placement.ready = ready;
        placement.record.as_mut().unwrap().settled = ready;
    }
    existing
}

#[test]
fn the_senior_is_what_was_ready_then_the_older_then_the_first_by_name() {
    let (old, young) = (deployment("a", 1, (1, 1), None), deployment("b", 1, (1, 1), None));
    let mut undated = young.clone();
    undated.created = None;
    let mut order =
        [Seniority::of(&undated, false), Seniority::of(&young, false), Seniority::of(&old, false), Seniority::of(&undated, true)];
    order.sort();
    assert_eq!(
        order,
        [Seniority::of(&undated, true), Seniority::of(&old, false), Seniority::of(&young, false), Seniority::of(&undated, false)]
    );
}

#[test]
fn of_two_that_are_not_ready_the_younger_yields() {
    let (older, younger) = (deployment("a", 1, (1, 8), None), deployment("b", 1, (1, 8), None));
    let all = environments([environment("east", &[("h200", 1, 8)]), environment("west", &[("h200", 1, 8)])]);
    let (model_of_a, model_of_b) = (wished("a", 1, (1, 8), None).1, wished("b", 1, (1, 8), None).1);
    let others_of_a = Fleet::new([holding(&younger, false, "east", "h200", (1, 8))]);
    let others_of_b = Fleet::new([holding(&older, false, "east", "h200", (1, 8))]);
    let stays = plan(&older, &model_of_a, &all, &placed("a", false), &others_of_a);
    assert_eq!(places(&stays).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["east"]);
    assert_eq!(stays.shortages, vec![], "the other one makes way, so nothing is missing");
    let moves = plan(&younger, &model_of_b, &all, &placed("b", false), &others_of_b);
    assert_eq!(places(&moves).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["west"]);
}

#[test]
fn what_yields_does_not_come_back_to_its_cluster_under_another_environment() {
    // The serving object has the same name there, and the old one's deletion would take the new one's.
    let (younger, model) = wished("b", 1, (1, 8), None);
    let older = deployment("a", 1, (1, 8), None);
    let same = |name: &str| Environment { cluster: ClusterIdentity::Own("one".to_owned()), ..environment(name, &[("h200", 1, 8)]) };
    let first = Fleet::new([holding(&older, false, "east", "h200", (1, 8))]);
    let yielded = plan(&younger, &model, &environments([same("east"), same("east2")]), &placed("b", false), &first);
    assert_eq!(places(&yielded), vec![]);
    let rejections = yielded.decision.unwrap().rejections;
    let told: Vec<(&str, &str)> = rejections.iter().map(|rejection| (rejection.environment.as_str(), rejection.reason.word())).collect();
    assert_eq!(told, [("east", "InsufficientGpus"), ("east2", "SameCluster")]);
    assert_eq!(rejections[0].reason.to_string(), "needs unified 1 x 8 GPUs packed onto nodes; pool h200 has 0 of 8 free (profile unified)");
}

/// Its object would be applied with other pools under the name that it has: a placement keeps its pools for life.
#[test]
fn what_yields_is_not_placed_there_again_before_it_is_gone() {
    let (younger, model) = wished("b", 1, (1, 8), None);
    let older = deployment("a", 1, (1, 8), None);
    let two_pools = environments([environment("east", &[("h200", 1, 8), ("l40s", 1, 8)])]);
    let first = Fleet::new([holding(&older, false, "east", "h200", (1, 8))]);
    let yielded = plan(&younger, &model, &two_pools, &placed("b", false), &first);
    assert_eq!(places(&yielded), vec![]);
    let told: Vec<(String, String)> =
        yielded.decision.unwrap().rejections.into_iter().map(|told| (told.environment, told.reason.to_string())).collect();
    let lost = "needs unified 1 x 8 GPUs packed onto nodes; pool h200 has 0 of 8 free (profile unified)";
    assert_eq!(told, [("east".to_owned(), lost.to_owned())], "its own pool, whatever another one has");
    let again = plan(&younger, &model, &two_pools, &[], &first);
    assert_eq!(again.placements[0].charges(), [Charge { pool: "l40s".to_owned(), gpus_per_replica: 8, replicas: 1 }]);
}

/// The deployment would be called short of GPUs that it no longer asks for.
#[test]
fn what_is_missing_to_a_placement_that_is_given_up_is_not_told() {
    let (mut younger, model) = wished("b", 2, (1, 8), None);
    let older = deployment("a", 1, (1, 8), None);
    let all = environments(["east", "west"].map(|name| environment(name, &[("h200", 1, 8)])));
    let mut existing = apply(&younger, &plan(&younger, &model, &all, &[], &Fleet::default()), &[]);
    for placement in &mut existing {
        placement.ready = true;
        placement.record.as_mut().unwrap().settled = true;
    }
    let crowded = Fleet::new([holding(&older, true, "west", "h200", (1, 8))]);
    let missing = Shortage { environment: "west".to_owned(), pool: "h200".to_owned(), gpus: 8, total: 8 };
    assert_eq!(plan(&younger, &model, &all, &existing, &crowded).shortages, [missing]);
    younger.environments = 1;
    let fewer = plan(&younger, &model, &all, &existing, &crowded);
    assert_eq!((places(&fewer), fewer.shortages), (vec![("east".to_owned(), younger.topology)], vec![]));
}

#[test]
fn what_was_ready_never_yields_and_says_what_is_missing() {
    let (older, younger) = (deployment("a", 1, (1, 8), None), deployment("b", 1, (1, 8), None));
    let model = wished("b", 1, (1, 8), None).1;
    let all = environments([environment("east", &[("h200", 1, 8)]), environment("west", &[("h200", 1, 8)])]);
    let settled = Fleet::new([holding(&older, true, "east", "h200", (1, 8))]);
    let stays = plan(&younger, &model, &all, &placed("b", true), &settled);
    assert_eq!(places(&stays).len(), 1);
    let missing = Shortage { environment: "east".to_owned(), pool: "h200".to_owned(), gpus: 8, total: 8 };
    assert_eq!(stays.shortages, vec![missing]);
    let unsettled = Fleet::new([holding(&older, false, "east", "h200", (1, 8))]);
    let undisturbed = plan(&younger, &model, &all, &placed("b", true), &unsettled);
    assert_eq!((places(&undisturbed).len(), undisturbed.shortages), (1, vec![]), "the older one is not ready, so it yields");
}

#[test]
fn of_three_only_as_many_yield_as_must() {
    // A pool of two, three deployments of one each: the two oldest stay.
    let names = ["a", "b", "c"];
    let east = environments([environment("east", &[("h200", 1, 2)])]);
    let stays = names.map(|name| {
        let (own, model) = wished(name, 1, (1, 1), None);
        let others = names.into_iter().filter(|other| *other != name).map(|other| {
            let owner = deployment(other, 1, (1, 1), None);
            holding(&owner, false, "east", "h200", (1, 1))
        });
        let first = plan(&own, &model, &east, &[], &Fleet::default());
        let existing = apply(&own, &first, &[]);
        plan(&own, &model, &east, &existing, &Fleet::new(others)).staying()
    });
    assert_eq!(stays, [1, 1, 0]);
}

#[test]
fn what_leaves_and_was_never_ready_yields_too() {
    // Otherwise it would wait for GPUs that it never gets, and keep the new topology from having them.
    let (younger, model) = wished("b", 1, (1, 4), Some((4, 1)));
    let older = deployment("a", 1, (1, 8), None);
    let all = environments([environment("east", &[("h200", 1, 8)]), environment("west", &[("h200", 1, 8)])]);
    let first = Fleet::new([holding(&older, false, "east", "h200", (1, 8))]);
    let moves = plan(&younger, &model, &all, &placed("b", false), &first);
    assert_eq!(places(&moves), [("west".to_owned(), younger.topology)]);
    let kept = plan(&younger, &model, &all, &placed("b", true), &first);
    assert_eq!(places(&kept).len(), 2, "what was ready stays beside the new one");
}

#[test]
fn a_shortage_of_its_own_making_is_no_reason_to_yield() {
    // Sixteen GPUs a pod fit no node of eight, whoever else is there.
    let (younger, _) = wished("b", 1, (1, 8), None);
    let edited = wished("b", 1, (1, 16), None).1;
    let older = deployment("a", 1, (1, 1), None);
    let all = environments([environment("east", &[("h200", 2, 8)])]);
    let first = Fleet::new([holding(&older, true, "east", "h200", (1, 1))]);
    let stays = plan(&younger, &edited, &all, &placed("b", false), &first);
    assert_eq!((places(&stays).len(), stays.shortages[0].gpus), (1, 16));
}

#[test]
fn a_pool_too_small_for_its_only_holder_is_no_reason_to_leave() {
    let (own, model) = wished("a", 1, (1, 8), None);
    let shrunk = environments([environment("east", &[("h200", 0, 8)]), environment("west", &[("h200", 9, 8)])]);
    let stays = plan(&own, &model, &shrunk, &placed("a", false), &Fleet::default());
    assert_eq!(places(&stays).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["east"]);
    assert_eq!(stays.shortages.len(), 1);
}
