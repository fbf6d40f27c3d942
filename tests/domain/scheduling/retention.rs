//! What exists stays, and every move is made before the old place is given up.

use std::collections::BTreeMap;

use function_modelplane::api::inference_environment::{Availability, KubeconfigSecret, Rdma};
use function_modelplane::api::model_deployment::{StrategyKind, Topology};
use function_modelplane::domain::scheduling::contention::Shortage;
use function_modelplane::domain::scheduling::freeze::Freeze;
use function_modelplane::domain::scheduling::holdings::Fleet;
use function_modelplane::domain::scheduling::placement::{Action, Existing, Placement};
use function_modelplane::domain::scheduling::rejection::{Reason, Rejection};
use function_modelplane::domain::scheduling::schedule::{Plan, Switch};
use function_modelplane::domain::scheduling::search::Decision;
use function_modelplane::domain::spec::deployment::{Deployment, PhaseScaling};
use function_modelplane::domain::spec::environment::{Access, ClusterIdentity, Environment};
use function_modelplane::domain::spec::model::Model;

use crate::domain::fleet::{apply, environment, environments, holding, label, places, plan, wished};

fn ready(existing: &mut [Existing]) {
    for placement in existing {
        placement.ready = true;
        placement.record.as_mut().unwrap().settled = true;
    }
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.placements.iter().map(|placement| placement.place.environment.as_str()).collect()
}

/// A deployment to so many of three environments, placed and ready.
fn settled(wanted: usize) -> (Deployment, Model, Vec<Existing>) {
    let (own, model) = wished("chat", wanted, (1, 8), None);
    let all = environments(["a", "b", "c"].map(|name| environment(name, &[("p", 1, 8)])));
    let mut existing = apply(&own, &plan(&own, &model, &all, &[], &Fleet::default()), &[]);
    ready(&mut existing);
    (own, model, existing)
}

#[test]
fn fewer_environments_cost_what_is_not_ready_then_the_last_by_name() {
    let (mut own, model, mut existing) = settled(3);
    let all = environments(["a", "b", "c"].map(|name| environment(name, &[("p", 1, 8)])));
    own.environments = 2;
    assert_eq!(names(&plan(&own, &model, &all, &existing, &Fleet::default())), ["a", "b"]);
    existing[0].ready = false;
    assert_eq!(names(&plan(&own, &model, &all, &existing, &Fleet::default())), ["b", "c"]);
}

#[test]
fn of_several_that_leave_the_one_without_an_environment_leaves_first() {
    let (own, model, mut existing) = settled(3);
    // a is gone, b is draining; c and one of the two must do until there is a replacement.
    let mut b = environment("b", &[("p", 1, 8)]);
    b.availability = Availability::Draining;
    let left = environments([b, environment("c", &[("p", 1, 8)])]);
    existing.sort_by(|x, y| x.place.environment.cmp(&y.place.environment));
    let mut two = own;
    two.environments = 2;
    assert_eq!(names(&plan(&two, &model, &left, &existing, &Fleet::default())), ["b", "c"]);
}

#[test]
fn what_serves_leaves_after_what_does_not_even_without_an_environment() {
    let (own, model, mut existing) = settled(2);
    // a is gone but serves; b is draining and never did.
    let mut b = environment("b", &[("p", 1, 8)]);
    b.availability = Availability::Draining;
    existing.iter_mut().find(|existing| existing.place.environment == "b").unwrap().ready = false;
    let mut one = own;
    one.environments = 1;
    assert_eq!(names(&plan(&one, &model, &environments([b]), &existing, &Fleet::default())), ["a"]);
}

#[test]
fn an_environment_that_is_left_says_why_and_is_not_counted_as_matched() {
    let (own, model, existing) = settled(1);
    let mut a = environment("a", &[("p", 1, 8)]);
    a.availability = Availability::Draining;
    let plan = plan(&own, &model, &environments([a]), &existing, &Fleet::default());
    let decision = plan.decision.clone().unwrap();
    assert_eq!((decision.considered, decision.matched, decision.rejections.len()), (1, 0, 1));
    assert_eq!(decision.rejections[0].reason.word(), "Cordoned");
    assert_eq!(plan.staying(), 0, "it serves until there is a replacement, but it does not count");
    assert!(matches!(&plan.placements[0].action, Action::Freeze(Freeze::EnvironmentDraining, Some(_))));
}

#[test]
fn what_is_there_counts_as_matched_beside_what_passed_every_check() {
    let (mut own, model, existing) = settled(1);
    own.environments = 2;
    let cordoned = |name: &str| Environment { availability: Availability::Cordoned, ..environment(name, &[("p", 1, 8)]) };
    // a takes nothing new, and keeps what it has; c would do as well as b.
    let all = environments([cordoned("a"), environment("b", &[("p", 1, 8)]), environment("c", &[("p", 1, 8)]), cordoned("d")]);
    let plan = plan(&own, &model, &all, &existing, &Fleet::default());
    assert_eq!(names(&plan), ["a", "b"]);
    let rejections = vec![Rejection { environment: "d".to_owned(), reason: Reason::Cordoned { draining: false } }];
    assert_eq!(plan.decision, Some(Decision { considered: 4, matched: 3, rejections, checks: BTreeMap::new() }));
}

/// An environment on the cluster that a kubeconfig reaches.
fn reached(name: &str, secret: &str) -> Environment {
    let secret = KubeconfigSecret { name: secret.to_owned(), key: "kubeconfig".to_owned() };
    Environment { cluster: ClusterIdentity::Kubeconfig(secret), ..environment(name, &[("p", 1, 8)]) }
}

/// A settled placement of an environment on that cluster.
fn settled_on(secret: &str) -> (Deployment, Model, Vec<Existing>) {
    let (own, model, mut existing) = settled(1);
    existing[0].record.as_mut().unwrap().cluster = reached("a", secret).kubeconfig().cloned();
    (own, model, existing)
}

#[test]
fn an_environment_is_its_cluster_whatever_it_is_called() {
    // Under another name it must not take the serving object of the same name over and lose it again: nothing moves, nothing waits.
    let (own, model, existing) = settled_on("one");
    let local = || Environment { cluster: ClusterIdentity::Local, access: Access::Local, ..environment("z", &[("p", 1, 8)]) };
    let mut here = existing.clone();
    here[0].local = true;
    here[0].record.as_mut().unwrap().cluster = None;
    let leaving = Environment { deleting: true, ..reached("a", "one") };
    let cases = [
        ("renamed", environments([reached("z", "one")]), &existing),
        ("renamed, and its old name is not gone yet", environments([leaving.clone(), reached("z", "one")]), &existing),
        ("the control plane's own, renamed", environments([local()]), &here),
    ];
    for (why, all, existing) in cases {
        let plan = plan(&own, &model, &all, existing, &Fleet::default());
        let [placement] = plan.placements.as_slice() else { panic!("{why}: {plan:?}") };
        assert_eq!((placement.place.environment.as_str(), placement.slot.as_str()), ("z", "a"), "{why}: its resources keep their keys");
        assert!(matches!(placement.action, Action::Render(_)), "{why}");
        assert!(plan.decision.is_none() && plan.is_steady(&own), "{why}");
    }
    let other = plan(&own, &model, &environments([reached("z", "two")]), &existing, &Fleet::default());
    assert_eq!(names(&other), ["a", "z"], "another cluster is another environment: the old one leaves once this one is ready");
}

#[test]
fn an_environment_that_is_pointed_at_another_cluster_takes_nothing_along() {
    let (mut own, model, existing) = settled_on("one");
    own.environments = 2;
    let moved = environments([reached("a", "two"), reached("b", "one"), reached("c", "two"), reached("d", "three")]);
    let plan = plan(&own, &model, &moved, &existing, &Fleet::default());
    assert!(matches!(&plan.placements[0].action, Action::Freeze(Freeze::EnvironmentChanged, Some(_))), "it is still where it was");
    assert_eq!(names(&plan), ["a", "c"], "there is room on two and on three, and none on one, which it is on");
    let rejections = plan.decision.unwrap().rejections;
    assert_eq!(
        rejections.iter().map(|rejection| (rejection.environment.as_str(), rejection.reason.word())).collect::<Vec<_>>(),
        [("b", "SameCluster")]
    );
}

/// What becomes of a placement that is there, where its environment has become another.
fn kept(own: &Deployment, model: &Model, environment: Environment, existing: &Existing) -> Placement {
    let plan = plan(own, model, &environments([environment]), std::slice::from_ref(existing), &Fleet::default());
    let [placement] = plan.placements.as_slice() else { panic!("{plan:?}") };
    placement.clone()
}

#[test]
fn a_placement_leaves_when_its_owner_asks_for_another_label_not_when_its_environment_has_another() {
    let labelled = |zone: &str| {
        let mut a = environment("a", &[("p", 1, 8)]);
        a.labels.insert("zone".to_owned(), zone.to_owned());
        a
    };
    let (mut own, model) = wished("chat", 1, (1, 8), None);
    own.selector = label("zone", "here");
    let first = plan(&own, &model, &environments([labelled("here")]), &[], &Fleet::default());
    let mut existing = apply(&own, &first, &[]);
    ready(&mut existing);
    let stays = first.placements[0].clone();
    let leaves = Placement { action: Action::Freeze(Freeze::SelectorChanged, existing[0].record.clone()), ..stays.clone() };
    let cases = [
        ("nothing changed", "here", "here", &stays),
        ("the environment has another", "here", "there", &stays),
        ("its owner asks for one that the environment lacks", "there", "here", &leaves),
        ("its owner asks for another one that the environment has", "there", "there", &stays),
    ];
    for (why, asked, has, expected) in cases {
        own.selector = label("zone", asked);
        assert_eq!(kept(&own, &model, labelled(has), &existing[0]), *expected, "{why}");
    }
}

/// KServe puts the label into selectors, which Kubernetes lets nobody change: the update would be refused for ever.
#[test]
fn the_accelerator_label_is_for_life_whatever_the_pool_is_called_today() {
    let (own, model) = wished("chat", 1, (1, 4), Some((4, 1)));
    let before = environments([environment("a", &[("p", 1, 8)])]);
    let mut existing = apply(&own, &plan(&own, &model, &before, &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let labels = |decode: Option<&str>, prefill: Option<&str>| (decode.map(str::to_owned), prefill.map(str::to_owned));
    let cases = [
        ("as it was placed", existing[0].accelerators.clone(), ["nvidia-h200", "nvidia-h200"]),
        ("each phase has its own", labels(Some("one"), Some("other")), ["one", "other"]),
        ("a phase without one gets what the pool is called", labels(None, Some("other")), ["renamed", "other"]),
    ];
    for (why, accelerators, expected) in cases {
        let mut a = environment("a", &[("p", 1, 8)]);
        a.pools[0].accelerator_type = "renamed".to_owned();
        let Action::Render(sizing) = kept(&own, &model, a, &Existing { accelerators, ..existing[0].clone() }).action else {
            panic!("{why}")
        };
        assert_eq!([sizing.decode.accelerator, sizing.prefill.unwrap().accelerator], expected, "{why}");
    }
}

/// Its objects have another key there, and under the old one they would be deleted.
#[test]
fn what_is_on_the_control_planes_own_cluster_is_nowhere_else_and_the_other_way_round() {
    let (own, model, existing) = settled(1);
    let local = || Environment { cluster: ClusterIdentity::Local, access: Access::Local, ..environment("a", &[("p", 1, 8)]) };
    let remote = || environment("a", &[("p", 1, 8)]);
    let stays = plan(&own, &model, &environments([remote()]), &[], &Fleet::default()).placements[0].clone();
    let frozen = Placement { action: Action::Freeze(Freeze::EnvironmentChanged, existing[0].record.clone()), ..stays.clone() };
    let cases = [
        ("on this one, as the environment is", true, local(), &stays),
        ("on another one, as the environment is", false, remote(), &stays),
        ("on this one, and the environment became another", true, remote(), &frozen),
        ("on another one, and the environment became this one", false, local(), &frozen),
    ];
    for (why, local, environment, expected) in cases {
        assert_eq!(kept(&own, &model, environment, &Existing { local, ..existing[0].clone() }), *expected, "{why}");
    }
}

#[test]
fn a_quote_in_the_environments_variables_freezes_what_refers_to_it() {
    let (own, mut model) = wished("chat", 1, (1, 1), Some((1, 1)));
    model.profiles[0].decode.engine.args = vec!["--x=$(NCCL_IB_HCA)".to_owned()];
    let before = environment("a", &[("p", 1, 8)]);
    let mut existing = apply(&own, &plan(&own, &model, &environments([before.clone()]), &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let mut quoted = before;
    let rdma = serde_json::json!({"type": "InfiniBand", "env": [{"name": "NCCL_IB_HCA", "value": "a'; reboot; '"}]});
    quoted.rdma = Some(serde_json::from_value::<Rdma>(rdma).unwrap());
    let plan = plan(&own, &model, &environments([quoted]), &existing, &Fleet::default());
    assert!(matches!(&plan.placements[0].action, Action::Freeze(Freeze::EnvironmentInvalid(_), _)), "it would run in the engine's shell");
}

#[test]
fn another_model_is_served_with_the_first_profile_that_means_the_recorded_pool() {
    let (own, mut model, existing) = settled(1);
    let mut changed = own;
    changed.model_ref.name = "other".to_owned();
    let mut first = model.profiles[1].clone();
    first.name = "for-b200".to_owned();
    first.decode.accelerator = Some("b200".to_owned());
    model.profiles.insert(0, first);
    let all = environments([environment("a", &[("p", 1, 8)])]);
    let served = plan(&changed, &model, &all, &existing, &Fleet::default());
    assert_eq!(served.placements[0].profile, "unified", "an engine made for other GPUs would not run there");
    model.profiles.retain(|profile| profile.name == "for-b200");
    let frozen = plan(&changed, &model, &all, &existing, &Fleet::default());
    assert!(matches!(frozen.placements[0].action, Action::Freeze(Freeze::ModelChanged, _)));
}

/// A Unified deployment to both environments that is asked to be disaggregated.
fn switched(nodes: u32, strategy: StrategyKind) -> (Plan, Vec<Existing>) {
    let (own, model) = wished("chat", 2, (1, 8), None);
    let all = || environments(["a", "b"].map(|name| environment(name, &[("p", nodes, 8)])));
    let mut existing = apply(&own, &plan(&own, &model, &all(), &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let (mut disaggregated, model) = wished("chat", 2, (1, 4), Some((4, 1)));
    disaggregated.strategy = strategy;
    (plan(&disaggregated, &model, &all(), &existing, &Fleet::default()), existing)
}

#[test]
fn a_rolling_switch_of_topology_places_the_new_beside_the_old() {
    let (plan, _) = switched(2, StrategyKind::RollingUpdate);
    let both = |name: &str| [(name.to_owned(), Topology::Unified), (name.to_owned(), Topology::PrefillDecode)];
    assert_eq!(places(&plan), [both("a"), both("b")].concat());
    assert_eq!(plan.switch, Some(Switch::UnderWay { old: 2 }));
}

#[test]
fn a_rolling_switch_that_does_not_fit_as_a_whole_moves_nothing_and_says_how_much_is_missing() {
    let (plan, _) = switched(1, StrategyKind::RollingUpdate);
    assert_eq!(places(&plan), [("a".to_owned(), Topology::Unified), ("b".to_owned(), Topology::Unified)]);
    assert_eq!(plan.switch, Some(Switch::Waiting { old: 2, missing_gpus: Some(16) }));
    assert_eq!(plan.staying(), 0);
}

#[test]
fn half_a_switch_is_none() {
    // Only b has room beside the old placement: a switched b and an unswitched a would be neither.
    let (own, model) = wished("chat", 2, (1, 8), None);
    let all = environments([environment("a", &[("p", 1, 8)]), environment("b", &[("p", 2, 8)])]);
    let mut existing = apply(&own, &plan(&own, &model, &all, &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let (disaggregated, model) = wished("chat", 2, (1, 4), Some((4, 1)));
    let plan = plan(&disaggregated, &model, &all, &existing, &Fleet::default());
    assert_eq!(places(&plan), [("a".to_owned(), Topology::Unified), ("b".to_owned(), Topology::Unified)]);
    assert_eq!(plan.switch, Some(Switch::Waiting { old: 2, missing_gpus: Some(8) }));
}

/// A number would send people to buy GPUs that do not help.
#[test]
fn a_switch_that_more_gpus_alone_would_not_let_happen_names_no_gpus() {
    let (own, model) = wished("chat", 2, (1, 8), None);
    let mut unlabelled = environment("b", &[("p", 1, 8)]);
    unlabelled.labels.clear();
    let all = environments([environment("a", &[("p", 1, 8)]), unlabelled]);
    let mut existing = apply(&own, &plan(&own, &model, &all, &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let (disaggregated, model) = wished("chat", 2, (1, 4), Some((4, 1)));
    let plan = plan(&disaggregated, &model, &all, &existing, &Fleet::default());
    let rejections = plan.decision.unwrap().rejections;
    assert_eq!(rejections.iter().map(|rejection| rejection.reason.word()).collect::<Vec<_>>(), ["InsufficientGpus", "NoRdma"]);
    assert_eq!(plan.switch, Some(Switch::Waiting { old: 2, missing_gpus: None }));
}

/// The old placement serves until the new one is ready: until then the new one cannot grow into its GPUs.
#[test]
fn the_most_replicas_are_reckoned_beside_the_placement_of_the_other_topology() {
    let (own, model) = wished("chat", 1, (1, 8), None);
    let all = environments([environment("a", &[("p", 2, 8)])]);
    let mut existing = apply(&own, &plan(&own, &model, &all, &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let (mut disaggregated, model) = wished("chat", 1, (1, 4), Some((4, 1)));
    disaggregated.decode = PhaseScaling::Wva(serde_json::from_value(serde_json::json!({"minReplicas": 1, "maxReplicas": 2})).unwrap());
    let switching = plan(&disaggregated, &model, &all, &existing, &Fleet::default());
    assert_eq!(places(&switching), [("a".to_owned(), Topology::Unified), ("a".to_owned(), Topology::PrefillDecode)]);
    // Eight of the old one, two of four and four of one: the last four have no node.
    let short = Shortage { environment: "a".to_owned(), pool: "p".to_owned(), gpus: 4, total: 16 };
    assert_eq!(switching.ceilings, [short]);
    let mut both = apply(&disaggregated, &switching, &existing);
    ready(&mut both);
    let switched = plan(&disaggregated, &model, &all, &both, &Fleet::default());
    assert_eq!((places(&switched), switched.ceilings), (vec![("a".to_owned(), Topology::PrefillDecode)], vec![]));
}

#[test]
fn recreate_gives_the_old_up_at_once_where_the_new_fit_in_their_place() {
    let (plan, _) = switched(1, StrategyKind::Recreate);
    assert_eq!(places(&plan), [("a".to_owned(), Topology::PrefillDecode), ("b".to_owned(), Topology::PrefillDecode)]);
}

#[test]
fn recreate_moves_nothing_where_others_hold_what_it_needs() {
    let (own, model) = wished("chat", 1, (1, 4), None);
    let all = environments([environment("a", &[("p", 1, 8)])]);
    let mut existing = apply(&own, &plan(&own, &model, &all, &[], &Fleet::default()), &[]);
    ready(&mut existing);
    let (mut disaggregated, model) = wished("chat", 1, (1, 4), Some((4, 1)));
    disaggregated.strategy = StrategyKind::Recreate;
    let fleet = Fleet::new([holding(&own, true, "a", "p", (4, 1))]);
    let plan = plan(&disaggregated, &model, &all, &existing, &fleet);
    assert_eq!(places(&plan), [("a".to_owned(), Topology::Unified)]);
    assert_eq!(plan.switch, Some(Switch::Waiting { old: 1, missing_gpus: Some(4) }));
}

#[test]
fn switching_back_in_the_middle_ends_where_it_began() {
    let (own, model) = wished("chat", 2, (1, 8), None);
    let all = environments(["a", "b"].map(|name| environment(name, &[("p", 2, 8)])));
    let (moving, before) = switched(2, StrategyKind::RollingUpdate);
    let (disaggregated, _) = wished("chat", 2, (1, 4), Some((4, 1)));
    let middle = apply(&disaggregated, &moving, &before);
    assert_eq!(middle.len(), 4);
    let back = plan(&own, &model, &all, &middle, &Fleet::default());
    assert_eq!(places(&back), [("a".to_owned(), Topology::Unified), ("b".to_owned(), Topology::Unified)]);
    assert!(back.placements.iter().all(|placement| matches!(placement.action, Action::Render(_))));
}
