//! Why an environment is turned down: every reason, with its numbers, and how they are counted.

use std::collections::BTreeMap;

use function_modelplane::api::inference_environment::Availability;
use function_modelplane::api::input::{LintPolicy, RdmaPolicy};
use function_modelplane::api::phase::Phase;
use function_modelplane::domain::scheduling::holdings::Fleet;
use function_modelplane::domain::scheduling::matching::{Wish, match_environment};
use function_modelplane::domain::scheduling::rejection::{Reason, Rejection, summarize};
use function_modelplane::domain::scheduling::trace::Trace;
use function_modelplane::domain::spec::credentials::{Credentials, StorageSecret, Token};
use function_modelplane::domain::spec::environment::{Access, ClusterIdentity, Environment};
use function_modelplane::domain::spec::model::{GpuDemand, Model, Profile};

use serde_json::json;

use crate::domain::fleet::{deployment, environment, environments, holding, label, plan, wished};

/// The code and the sentence with which an environment is turned down.
fn refusal(
    change_model: impl Fn(&mut Model),
    change: impl Fn(&mut Environment),
    demand: ((u32, u32), (u32, u32)),
) -> (&'static str, String) {
    let (own, mut model) = wished("chat", 1, demand.0, Some(demand.1));
    change_model(&mut model);
    let mut east = environment("east", &[("h100", 2, 8), ("h200", 1, 4)]);
    change(&mut east);
    let fleet = Fleet::new([holding(&deployment("other", 1, (1, 4), None), true, "east", "h100", (3, 4))]);
    let wish = Wish { deployment: &own, model: &model, rdma: RdmaPolicy::Pin, lint: LintPolicy::Warn };
    let reason = match_environment(wish, &east, &fleet.ledger(&east), None, &mut Trace::default()).unwrap_err();
    (reason.word(), reason.to_string())
}

/// What is changed about the model and the environment, what the phases need, and what comes of it.
type Case = (fn(&mut Model), fn(&mut Environment), ((u32, u32), (u32, u32)), &'static str, &'static str);

#[test]
fn every_check_that_fails_says_so_with_its_numbers() {
    let same: fn(&mut Model) = |_| {};
    let plain: fn(&mut Environment) = |_| {};
    let small = ((1, 1), (1, 1));
    let cases: [Case; 15] = [
        (same, |east| east.deleting = true, small, "Deleting", "is being deleted"),
        (same, |east| east.availability = Availability::Cordoned, small, "Cordoned", "spec.availability is Cordoned: it takes nothing new"),
        (same, |east| east.availability = Availability::Draining, small, "Cordoned", "spec.availability is Draining: it takes nothing new"),
        (
            same,
            |east| east.access = Access::Missing,
            small,
            "NotReady",
            "has no status.providerConfigRef yet, so nothing can be created there",
        ),
        (
            |model| {
                let token = Token { namespace: "hubs".to_owned(), name: "hub".to_owned(), key: "HF_TOKEN".to_owned() };
                model.credentials = Credentials::Token(token);
            },
            |east| east.access = Access::Local,
            small,
            "SecretElsewhere",
            "is the control plane's own cluster, where KServe reads the Hugging Face token only from key HF_TOKEN of a Secret in namespace \
             team, not from key HF_TOKEN of hubs/hub",
        ),
        (
            |model| {
                let secret = StorageSecret { namespace: "stores".to_owned(), name: "weights".to_owned(), keys: vec!["AWS_ACCESS_KEY_ID"] };
                model.credentials = Credentials::Storage(secret);
            },
            |east| east.access = Access::Local,
            small,
            "SecretElsewhere",
            "is the control plane's own cluster, where KServe reads the account of the object store only from a Secret in namespace team, not \
             from stores/weights",
        ),
        (
            |model| model.profiles.retain(|profile| profile.prefill.is_none()),
            plain,
            small,
            "NoProfileForTopology",
            "the model has no serving profile with topology PrefillDecode",
        ),
        (
            |model| model.profiles[0].selector = label("region", "us"),
            plain,
            small,
            "ProfileSelectorMismatch",
            "lacks label region=us (profile disaggregated)",
        ),
        (
            same,
            |east| east.labels.clear(),
            small,
            "NoRdma",
            "lacks label modelplane.ai/rdma=true, which PrefillDecode needs (profile disaggregated)",
        ),
        (
            |model| model.profiles[0].prefill.as_mut().unwrap().accelerator = Some("b200".to_owned()),
            plain,
            small,
            "NoAccelerator",
            "has no GPU pool b200 (prefill of profile disaggregated)",
        ),
        (same, |east| east.pools.clear(), small, "NoAccelerator", "has no GPU pool (decode of profile disaggregated)"),
        (
            |model| model.profiles[0].decode.engine.pod = serde_json::from_value(json!({"nodeSelector": {"zone": "a"}})).unwrap(),
            |east| east.pools.iter_mut().for_each(|pool| pool.node_selector = BTreeMap::from([("zone".to_owned(), "b".to_owned())])),
            small,
            "NodesExcluded",
            "no pool has nodes with zone=a, which pod.nodeSelector asks for (decode of profile disaggregated)",
        ),
        (same, plain, ((1, 16), (1, 1)), "NodeTooSmall", "decode needs 16 GPUs on one node, the largest has 8 (profile disaggregated)"),
        (
            same,
            plain,
            ((2, 4), (4, 1)),
            "InsufficientGpus",
            "needs decode 2 x 4 GPUs and prefill 4 x 1 GPUs packed onto nodes; pool h100 has 4 of 16 free, pool h200 has 4 of 4 free \
             (profile disaggregated)",
        ),
        (
            |model| {
                model.profiles[0].decode.accelerator = Some("h100".to_owned());
                model.profiles[0].prefill.as_mut().unwrap().accelerator = Some("h200".to_owned());
            },
            plain,
            ((2, 4), (1, 1)),
            "InsufficientGpus",
            "needs decode 2 x 4 GPUs (pool h100 has 4 of 16 free) and prefill 1 x 1 GPUs (pool h200 has 4 of 4 free) packed onto nodes \
             (profile disaggregated)",
        ),
    ];
    for (change_model, change, demand, code, sentence) in cases {
        assert_eq!(refusal(change_model, change, demand), (code, sentence.to_owned()));
        assert!(Reason::WORDS.contains(&code));
    }
}

#[test]
fn what_a_pod_needs_is_told_of_the_pool_that_comes_closest() {
    // 810Gi are six GPUs of 141Gi or 34 of 24Gi: the numbers must be of one pool.
    let (own, mut model) = wished("chat", 1, (1, 1), None);
    model.profiles[1].decode.gpus = GpuDemand::Memory(serde_json::from_value("810Gi".into()).unwrap());
    let mut east = environment("east", &[("h200", 9, 2), ("l4", 9, 8)]);
    east.pools[1].memory = serde_json::from_value("24Gi".into()).unwrap();
    let wish = Wish { deployment: &own, model: &model, rdma: RdmaPolicy::Pin, lint: LintPolicy::Warn };
    let reason = match_environment(wish, &east, &Fleet::default().ledger(&east), None, &mut Trace::default()).unwrap_err();
    assert_eq!(reason.to_string(), "unified needs 6 GPUs on one node, the largest has 2 (profile unified)");
}

#[test]
fn the_profile_that_came_furthest_speaks() {
    let (own, mut model) = wished("chat", 1, (1, 16), None);
    let mut first = model.profiles[1].clone();
    first.name = "first".to_owned();
    first.selector = label("region", "us");
    model.profiles.insert(0, first);
    let wish = Wish { deployment: &own, model: &model, rdma: RdmaPolicy::Pin, lint: LintPolicy::Warn };
    let east = environment("east", &[("h200", 1, 8)]);
    let reason = match_environment(wish, &east, &Fleet::default().ledger(&east), None, &mut Trace::default()).unwrap_err();
    assert_eq!(reason.word(), "NodeTooSmall", "the other one does not even match the label");
}

/// The order of the profiles is the order of priority.
#[test]
fn of_profiles_that_came_equally_far_the_first_speaks() {
    let (own, mut model) = wished("chat", 1, (1, 16), None);
    let second = Profile { name: "second".to_owned(), ..model.profiles[1].clone() };
    model.profiles.push(second);
    let wish = Wish { deployment: &own, model: &model, rdma: RdmaPolicy::Pin, lint: LintPolicy::Warn };
    let east = environment("east", &[("h200", 1, 8)]);
    let reason = match_environment(wish, &east, &Fleet::default().ledger(&east), None, &mut Trace::default()).unwrap_err();
    assert_eq!(reason, Reason::NodeTooSmall { profile: "unified".to_owned(), phase: Phase::Unified, needed: 16, largest: 8 });
}

#[test]
fn of_the_pools_that_would_do_it_is_the_one_that_costs_fewest_gpus_then_the_first_by_name() {
    let (own, mut model) = wished("chat", 1, (1, 1), None);
    model.profiles[1].decode.gpus = GpuDemand::Memory("100Gi".parse().unwrap());
    let cases = [
        ("two of 80Gi or one of 141Gi", ["80Gi", "141Gi"], ("b", 1)),
        ("one of either", ["141Gi", "141Gi"], ("a", 1)),
        ("one of 141Gi or two of 80Gi", ["141Gi", "80Gi"], ("a", 1)),
    ];
    for (why, memories, expected) in cases {
        let mut east = environment("east", &[("a", 1, 8), ("b", 1, 8)]);
        for (pool, memory) in east.pools.iter_mut().zip(memories) {
            pool.memory = memory.parse().unwrap();
        }
        let wish = Wish { deployment: &own, model: &model, rdma: RdmaPolicy::Pin, lint: LintPolicy::Warn };
        let chosen = match_environment(wish, &east, &Fleet::default().ledger(&east), None, &mut Trace::default()).unwrap();
        assert_eq!((chosen.sizing.decode.pool.as_str(), chosen.sizing.decode.gpus_per_replica), expected, "{why}");
    }
}

#[test]
fn one_placement_per_cluster_whatever_its_environments_are_called() {
    let (own, model) = wished("chat", 2, (1, 1), None);
    let same = |name: &str| Environment { cluster: ClusterIdentity::Local, ..environment(name, &[("h200", 1, 8)]) };
    let both = environments([same("a"), same("b")]);
    let plan = plan(&own, &model, &both, &[], &Fleet::default());
    let rejections = plan.decision.unwrap().rejections;
    assert_eq!(plan.placements.len(), 1);
    assert_eq!(rejections.len(), 1);
    assert_eq!(rejections[0].environment, "b");
    assert_eq!(rejections[0].reason.to_string(), "is the same cluster as environment a, which already has a placement of this deployment");
}

#[test]
fn profiles_come_first_then_free_gpus_then_names() {
    let (own, model) = wished("chat", 1, (1, 1), None);
    let chosen = |all: Vec<Environment>| {
        let plan = plan(&own, &model, &environments(all), &[], &Fleet::default());
        plan.placements[0].place.environment.clone()
    };
    let (a, b, c) = (environment("a", &[("p", 1, 8)]), environment("b", &[("p", 2, 8)]), environment("c", &[("p", 2, 8)]));
    assert_eq!(chosen(vec![a.clone(), b.clone(), c.clone()]), "b", "most free GPUs, then the first by name");
    let (mut wanted, mut ranked) = (own.clone(), model.clone());
    wanted.environments = 1;
    ranked.profiles[1].selector = label("tier", "gold");
    let mut second = model.profiles[1].clone();
    second.name = "second".to_owned();
    ranked.profiles.push(second);
    let mut gold = a;
    gold.labels.insert("tier".to_owned(), "gold".to_owned());
    let plan = plan(&wanted, &ranked, &environments([gold, b, c]), &[], &Fleet::default());
    assert_eq!(
        (plan.placements[0].place.environment.as_str(), plan.placements[0].profile.as_str()),
        ("a", "unified"),
        "its profile comes first"
    );
}

#[test]
fn rejections_are_counted_by_what_they_have_in_common() {
    let (own, model) = wished("chat", 1, (2, 8), Some((1, 1)));
    let mut all = vec![environment("a", &[("p", 2, 8)]), environment("b", &[("p", 1, 8)]), environment("c", &[("p", 9, 4)])];
    for name in ["d", "e"] {
        let mut without = environment(name, &[("p", 9, 8)]);
        without.labels.clear();
        all.push(without);
    }
    let mut cordoned = environment("f", &[("p", 9, 8)]);
    cordoned.availability = Availability::Cordoned;
    all.push(cordoned);
    let rejections: Vec<Rejection> = plan(&own, &model, &environments(all), &[], &Fleet::default()).decision.unwrap().rejections;
    assert_eq!(rejections.iter().map(|rejection| rejection.environment.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(
        summarize(&rejections),
        "2 lack label modelplane.ai/rdma=true, 2 short of GPUs (need 17, at most 16 free), 1 cordoned, 1 with nodes too small (need 8 GPUs \
         on one node, at most 4)"
    );
}

#[test]
fn enough_gpus_on_different_nodes_are_not_called_too_few() {
    let (own, model) = wished("chat", 1, (1, 8), None);
    let fleet = Fleet::new([holding(&deployment("other", 1, (1, 1), None), true, "a", "p", (2, 5))]);
    let all = environments([environment("a", &[("p", 2, 8)])]);
    let rejections = plan(&own, &model, &all, &[], &fleet).decision.unwrap().rejections;
    assert_eq!(summarize(&rejections), "1 short of GPUs (need 8, at most 6 free)");
    let fleet = Fleet::new([holding(&deployment("other", 1, (1, 1), None), true, "a", "p", (2, 4))]);
    let rejections = plan(&own, &model, &all, &[], &fleet).decision.unwrap().rejections;
    // Packed onto one node, the two of four leave the other node free.
    assert_eq!(rejections, vec![]);
    let fleet = Fleet::new([holding(&deployment("other", 1, (1, 1), None), true, "a", "p", (3, 3))]);
    let (own, model) = wished("chat", 1, (1, 7), None);
    let rejections = plan(&own, &model, &all, &[], &fleet).decision.unwrap().rejections;
    assert_eq!(summarize(&rejections), "1 short of GPUs (need 7, 7 free but not on the same nodes)");
}
