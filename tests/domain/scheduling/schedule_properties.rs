//! What holds of every schedule, whatever the fleet looks like.

use function_modelplane::api::inference_environment::Availability;
use function_modelplane::domain::scheduling::holdings::{Fleet, Holding};
use function_modelplane::domain::scheduling::ledger::Charge;
use function_modelplane::domain::scheduling::placement::Action;
use function_modelplane::domain::scheduling::rejection::Reason;
use function_modelplane::domain::scheduling::schedule::Plan;
use function_modelplane::domain::spec::deployment::Deployment;
use function_modelplane::domain::spec::environment::Environment;
use function_modelplane::domain::spec::model::Model;
use proptest::prelude::*;

use super::packing::fits;
use crate::domain::fleet::{Demand, apply, deployment, environment, environments, holding, label, places, plan, wished};

/// A fleet, and a deployment that is to be placed there.
#[derive(Debug, Clone)]
struct World {
    environments: Vec<Environment>,
    holdings: Vec<Holding>,
    deployment: Deployment,
    model: Model,
}

impl World {
    fn plan(&self) -> Plan {
        let fleet = Fleet::new(self.holdings.clone());
        plan(&self.deployment, &self.model, &environments(self.environments.clone()), &[], &fleet)
    }

    /// The pods of other deployments in a pool.
    fn pods_of_others(&self, environment: &str, pool: &str) -> Vec<u32> {
        let there = self.holdings.iter().filter(|holding| holding.environment == environment && holding.charge.pool == pool);
        there.flat_map(|holding| pods(&holding.charge)).collect()
    }

    /// Whether these charges fit into an environment beside all that others hold, found by trying everything.
    fn really_fits(&self, environment: &Environment, charges: &[Charge]) -> bool {
        environment.pools.iter().all(|pool| {
            let own: Vec<u32> = charges.iter().filter(|charge| charge.pool == pool.id).flat_map(pods).collect();
            let all = [self.pods_of_others(&environment.name, &pool.id), own.clone()].concat();
            own.is_empty() || fits(all, vec![pool.gpus_per_node; usize::try_from(pool.nodes).unwrap()])
        })
    }
}

fn pods(charge: &Charge) -> Vec<u32> {
    vec![charge.gpus_per_replica; usize::try_from(charge.replicas).unwrap()]
}

fn gpus() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![1_u32, 2, 4, 8])
}

fn demand() -> impl Strategy<Value = Demand> {
    (1_u32..3, gpus())
}

fn any_environment() -> impl Strategy<Value = Environment> {
    let pools = prop::collection::vec((0_u32..4, gpus()), 1..3);
    let availability = prop::sample::select(vec![Availability::Schedulable, Availability::Schedulable, Availability::Cordoned]);
    (pools, prop::bool::weighted(0.8), availability).prop_map(|(pools, rdma, availability)| {
        let named: Vec<(String, u32, u32)> =
            pools.into_iter().enumerate().map(|(index, (nodes, per_node))| (format!("p{index}"), nodes, per_node)).collect();
        let named: Vec<(&str, u32, u32)> = named.iter().map(|(name, nodes, per_node)| (name.as_str(), *nodes, *per_node)).collect();
        let mut environment = environment("", &named);
        environment.availability = availability;
        environment.labels.insert("zone".to_owned(), "here".to_owned());
        if !rdma {
            environment.labels.remove("modelplane.ai/rdma");
        }
        environment
    })
}

fn world() -> impl Strategy<Value = World> {
    let others = prop::collection::vec((0_usize..5, 0_usize..2, demand(), any::<bool>()), 0..5);
    let wanted = (1_usize..4, any::<bool>());
    (prop::collection::vec(any_environment(), 1..6), others, wanted, demand(), prop::option::of(demand())).prop_map(
        |(mut all, others, (wanted, selects), decode, prefill)| {
            for (index, environment) in all.iter_mut().enumerate() {
                environment.name = format!("e{index}");
                environment.cluster = function_modelplane::domain::spec::environment::ClusterIdentity::Own(environment.name.clone());
            }
            let other = deployment("other", 1, (1, 1), None);
            let held = |(index, pool, demand, settled): (usize, usize, Demand, bool)| {
                holding(&other, settled, &format!("e{index}"), &format!("p{pool}"), demand)
            };
            let (mut deployment, model) = wished("own", wanted, decode, prefill);
            if selects {
                deployment.selector = label("zone", "here");
            }
            World { environments: all, holdings: others.into_iter().map(held).collect(), deployment, model }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_pool_is_packed_beyond_its_nodes(world in world()) {
        for placement in world.plan().placements {
            let environment = world.environments.iter().find(|environment| environment.name == placement.place.environment).unwrap();
            prop_assert!(world.really_fits(environment, &placement.charges()), "{placement:?}");
        }
    }

    #[test]
    fn what_is_turned_down_for_capacity_does_not_fit(world in world()) {
        let rejections = world.plan().decision.into_iter().flat_map(|decision| decision.rejections);
        for rejection in rejections.filter(|rejection| matches!(rejection.reason, Reason::InsufficientGpus { .. })) {
            let environment = world.environments.iter().find(|environment| environment.name == rejection.environment).unwrap();
            let profile = world.model.profiles.iter().find(|profile| profile.topology == world.deployment.topology).unwrap();
            let (decode, prefill) = function_modelplane::domain::scheduling::sizing::phases(profile, &world.deployment);
            for first in &environment.pools {
                let on_first = decode.size_on(first).unwrap().charge();
                for second in &environment.pools {
                    let on_second = prefill.as_ref().map(|prefill| prefill.size_on(second).unwrap().charge());
                    let charges: Vec<Charge> = std::iter::once(on_first.clone()).chain(on_second).collect();
                    prop_assert!(!world.really_fits(environment, &charges), "{charges:?} fit into {environment:?}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_what_is_handed_over_never_matters(world in world(), seed in any::<prop::sample::Index>()) {
        let before = world.plan();
        let mut other = world;
        other.environments.reverse();
        if !other.holdings.is_empty() {
            let middle = seed.index(other.holdings.len());
            other.holdings.rotate_left(middle);
        }
        prop_assert_eq!(&before, &other.plan());
        let existing = apply(&other.deployment, &before, &[]);
        let reversed: Vec<_> = existing.iter().rev().cloned().collect();
        let all = environments(other.environments.clone());
        let fleet = Fleet::new(other.holdings.clone());
        let again = |existing: &[_]| plan(&other.deployment, &other.model, &all, existing, &fleet);
        prop_assert_eq!(again(&existing), again(&reversed));
    }

    #[test]
    fn applying_a_plan_and_asking_again_gives_the_same(world in world()) {
        let first = world.plan();
        let existing = apply(&world.deployment, &first, &[]);
        let fleet = Fleet::new(world.holdings.clone());
        let again = plan(&world.deployment, &world.model, &environments(world.environments.clone()), &existing, &fleet);
        prop_assert_eq!(first.placements, again.placements);
    }

    #[test]
    fn a_new_environment_moves_nothing(world in world(), mut new in any_environment()) {
        let first = world.plan();
        let existing = apply(&world.deployment, &first, &[]);
        new.name = "a-new-one".to_owned();
        let all = environments(world.environments.iter().cloned().chain([new]));
        let after = plan(&world.deployment, &world.model, &all, &existing, &Fleet::new(world.holdings.clone()));
        for placement in &first.placements {
            prop_assert!(after.placements.contains(placement), "{placement:?} moved to {:?}", places(&after));
        }
    }

    #[test]
    fn an_environment_that_is_not_used_can_go(world in world()) {
        let first = world.plan();
        let mut smaller = world;
        let used: Vec<String> = places(&first).into_iter().map(|(environment, _)| environment).collect();
        let Some(unused) = smaller.environments.iter().position(|environment| !used.contains(&environment.name)) else { return Ok(()) };
        smaller.environments.remove(unused);
        prop_assert_eq!(first.placements, smaller.plan().placements);
    }

    /// Labels, cordons and pools that shrink, are called otherwise or vanish change what may come, not what is there.
    #[test]
    fn nothing_that_changes_about_an_environment_moves_what_was_ready(world in world(), losses in prop::collection::vec(0_u8..5, 5)) {
        let first = world.plan();
        let mut existing = apply(&world.deployment, &first, &[]);
        for placement in &mut existing {
            placement.ready = true;
            placement.record.as_mut().unwrap().settled = true;
        }
        let mut changed = world.environments.clone();
        for (environment, loss) in changed.iter_mut().zip(losses) {
            match loss {
                0 => environment.labels.clear(),
                1 => environment.availability = Availability::Cordoned,
                2 => environment.pools.iter_mut().for_each(|pool| pool.nodes = 0),
                3 => environment.pools.iter_mut().for_each(|pool| pool.accelerator_type = "renamed".to_owned()),
                _ => environment.pools.clear(),
            }
        }
        let fleet = Fleet::new(world.holdings.clone());
        let after = plan(&world.deployment, &world.model, &environments(changed), &existing, &fleet);
        prop_assert_eq!(after.staying(), first.placements.len().max(after.staying()));
        for (placement, kept) in first.placements.iter().zip(first.placements.iter().map(|placement| {
            after.placements.iter().find(|kept| kept.place.environment == placement.place.environment && kept.place.topology == placement.place.topology)
        })) {
            let kept = kept.expect("it is still wanted");
            // Rendered as it was, or frozen for what is missing: never sized anew.
            let same = matches!(&kept.action, Action::Freeze(..)) || kept.action == placement.action;
            prop_assert!(same && !kept.is_leaving(), "{placement:?} became {kept:?}");
        }
    }
}
