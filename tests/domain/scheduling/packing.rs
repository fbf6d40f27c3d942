//! Whether pods fit onto nodes, found by trying everything: what the ledger is held against. And which pods share which node.

use function_modelplane::domain::scheduling::ledger::{Charge, Ledger};
use function_modelplane::domain::scheduling::packing::{NodeGroup, PackedPods, Packing, pack};
use proptest::prelude::*;

use crate::domain::fleet::environment;

/// Whether pods of these sizes fit onto nodes with so many free GPUs each.
pub(super) fn fits(mut pods: Vec<u32>, mut nodes: Vec<u32>) -> bool {
    pods.sort_unstable_by(|a, b| b.cmp(a));
    try_all(&pods, &mut nodes)
}

fn try_all(pods: &[u32], nodes: &mut Vec<u32>) -> bool {
    let Some((pod, rest)) = pods.split_first() else { return true };
    let mut tried = Vec::new();
    for index in 0..nodes.len() {
        let free = nodes[index];
        // Equally free nodes are alike.
        if free < *pod || tried.contains(&free) {
            continue;
        }
        tried.push(free);
        nodes[index] = free - pod;
        let found = try_all(rest, nodes);
        nodes[index] = free;
        if found {
            return true;
        }
    }
    false
}

#[test]
fn a_pod_needs_its_gpus_on_one_node() {
    assert!(fits(vec![4, 4, 8], vec![8, 8]));
    assert!(!fits(vec![8], vec![4, 4]));
    assert!(!fits(vec![6, 6, 4], vec![8, 8]), "two nodes have enough together, but not for each");
    assert!(fits(vec![5, 3, 5, 3], vec![8, 8]));
}

fn charge(pool: &str, replicas: u32, gpus_per_replica: u32) -> Charge {
    Charge { pool: pool.to_owned(), gpus_per_replica, replicas }
}

fn group(nodes: u64, free: u32, pods: &[(usize, u64, u32)]) -> NodeGroup {
    let pods = pods.iter().map(|&(charge, pods, gpus_per_pod)| PackedPods { charge, pods, gpus_per_pod });
    NodeGroup { free, pods: pods.collect(), nodes }
}

#[test]
fn nodes_say_whose_pods_they_hold_and_equal_ones_are_one_group() {
    let here = environment("here", &[("h200", 10, 8)]);
    let charges = [charge("h200", 3, 4), charge("other", 9, 8), charge("h200", 5, 4), charge("h200", 2, 1)];
    let expected = Packing {
        groups: vec![
            group(1, 0, &[(0, 1, 4), (2, 1, 4)]),
            group(1, 0, &[(0, 2, 4)]),
            group(2, 0, &[(2, 2, 4)]),
            group(1, 6, &[(3, 2, 1)]),
            group(5, 8, &[]),
        ],
        unplaced: 0,
    };
    assert_eq!(pack(&here.pools[0], &charges), expected);
    let crowded = environment("here", &[("h200", 1, 8)]);
    assert_eq!(pack(&crowded.pools[0], &charges[..1]), Packing { groups: vec![group(1, 0, &[(0, 2, 4)])], unplaced: 4 });
}

/// Pods of three need the gap that the one of five leaves: on the emptier node they would part what the last two need.
#[test]
fn each_pod_goes_onto_the_fullest_node_that_still_takes_it() {
    let here = environment("here", &[("h200", 2, 8)]);
    let charges = [charge("h200", 1, 5), charge("h200", 1, 4), charge("h200", 1, 3), charge("h200", 2, 2)];
    let expected = Packing { groups: vec![group(1, 0, &[(0, 1, 5), (2, 1, 3)]), group(1, 0, &[(1, 1, 4), (3, 2, 2)])], unplaced: 0 };
    assert_eq!(pack(&here.pools[0], &charges), expected);
}

proptest! {
    /// What is seen is what was counted: no pod is lost or doubled, no node holds more than it has.
    #[test]
    fn the_picture_of_a_pool_is_the_ledgers(nodes in 0_u32..20, size in 1_u32..9, wanted in prop::collection::vec((0_u32..12, 0_u32..10), 0..6)) {
        let here = environment("here", &[("h200", nodes, size)]);
        let charges: Vec<Charge> = wanted.iter().map(|&(replicas, gpus)| charge("h200", replicas, gpus)).collect();
        let mut ledger = Ledger::new(&here.pools);
        for charge in &charges {
            ledger.charge(charge);
        }
        let Packing { groups, unplaced } = pack(&here.pools[0], &charges);
        prop_assert_eq!(unplaced, ledger.unplaced("h200"));
        prop_assert_eq!(groups.iter().map(|group| group.nodes).sum::<u64>(), u64::from(nodes));
        let on = |pods: &PackedPods| pods.pods * u64::from(pods.gpus_per_pod);
        for group in &groups {
            prop_assert_eq!(group.pods.iter().map(on).sum::<u64>() + u64::from(group.free), u64::from(size));
        }
        let placed: u64 = groups.iter().map(|group| group.nodes * group.pods.iter().map(on).sum::<u64>()).sum();
        prop_assert_eq!(placed + unplaced, ledger.held("h200"));
        for (index, charge) in charges.iter().enumerate() {
            let mine = groups.iter().map(|group| group.nodes * group.pods.iter().filter(|pods| pods.charge == index).map(|pods| pods.pods).sum::<u64>());
            prop_assert!(mine.sum::<u64>() <= u64::from(charge.replicas));
        }
    }
}
