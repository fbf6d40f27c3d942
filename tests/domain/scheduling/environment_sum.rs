//! What is summed up of an environment, and what a deployment makes of the sum: it must come to what the placements themselves say.

use std::collections::BTreeMap;

use function_modelplane::api::model_deployment::Topology;
use function_modelplane::domain::scheduling::environment_sum::{held_by_others, sum_up};
use function_modelplane::domain::scheduling::holdings::{Holding, Seniority, Standing};
use function_modelplane::domain::scheduling::ledger::Charge;
use proptest::prelude::*;

use crate::domain::fleet::environment;

const OWN: &str = "own";

fn charge(pool: &str, gpus_per_replica: u32, replicas: u32) -> Charge {
    Charge { pool: pool.to_owned(), gpus_per_replica, replicas }
}

fn standing(holder: &str, settled: bool, charges: &[Charge]) -> Standing {
    let created = Some(format!("2026-01-01T00:00:00Z {holder}"));
    Standing { holder: holder.to_owned(), created, topology: Topology::Unified, settled, charges: charges.to_vec() }
}

/// Pods by pool, size and, of what was not ready yet, who holds them.
type Pods = BTreeMap<(String, u32, Option<Seniority>), u32>;

fn pods(holdings: impl IntoIterator<Item = Holding>) -> Pods {
    let mut pods = Pods::new();
    for Holding { charge, seniority, .. } in holdings {
        let starting = (!seniority.is_settled()).then_some(seniority);
        *pods.entry((charge.pool, charge.gpus_per_replica, starting)).or_default() += charge.replicas;
    }
    pods.retain(|_, replicas| *replicas > 0);
    pods
}

/// What others hold, once as their placements say and once as the sum says.
fn both(all: &[Standing], own_settled: &[Charge]) -> [Pods; 2] {
    let environment = environment("e", &[("a", 2, 8), ("b", 1, 8)]);
    let sum = sum_up(&environment.pools, all, 0);
    let others = all.iter().filter(|placement| placement.holder != OWN);
    [pods(others.flat_map(|placement| placement.clone().holdings("e"))), pods(held_by_others(&environment, &sum, OWN, own_settled))]
}

#[test]
fn what_one_holds_itself_is_not_held_against_it() {
    let held = [charge("a", 4, 2)];
    let others = [standing("one", true, &[charge("a", 4, 1)]), standing("two", false, &[charge("a", 1, 3)])];
    for (own, settled, what) in [
        (standing(OWN, true, &held), &held[..], "settled, and summed up so"),
        (standing(OWN, false, &held), &[], "starting"),
        (standing(OWN, false, &held), &held[..], "settled since it was summed up"),
    ] {
        let [told, summed] = both(&[others.as_slice(), &[own]].concat(), settled);
        assert_eq!(summed, told, "{what}");
    }
}

/// A sum is some time old: what it does not know yet must not be taken off what others hold.
#[test]
fn what_was_placed_since_is_not_taken_off_the_others() {
    let [told, summed] = both(&[standing("one", true, &[charge("a", 4, 2)])], &[]);
    assert_eq!(summed, told);
}

fn any_charge() -> impl Strategy<Value = Charge> {
    (prop::sample::select(vec!["a", "b", "gone"]), prop::sample::select(vec![1_u32, 2, 4]), 1_u32..4)
        .prop_map(|(pool, gpus, replicas)| charge(pool, gpus, replicas))
}

proptest! {
    #[test]
    fn a_fresh_sum_says_what_the_placements_say(
        others in prop::collection::vec((0_u32..6, any::<bool>(), prop::collection::vec(any_charge(), 1..3)), 0..8),
        own in prop::option::of((any::<bool>(), prop::collection::vec(any_charge(), 1..3))),
    ) {
        let mut all: Vec<Standing> = others.iter().map(|(index, settled, charges)| standing(&format!("d{index}"), *settled, charges)).collect();
        let mut settled = Vec::new();
        if let Some((is_settled, charges)) = own {
            all.push(standing(OWN, is_settled, &charges));
            if is_settled {
                settled = charges;
            }
        }
        // Of a pool that is not there nothing can be promised: the sum leaves it out.
        let there = |pods: Pods| -> Pods { pods.into_iter().filter(|((pool, ..), _)| pool != "gone").collect() };
        let [told, summed] = both(&all, &settled);
        prop_assert_eq!(there(summed), there(told));
    }
}
