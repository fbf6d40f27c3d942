//! Free GPUs, packed onto nodes.

use function_modelplane::domain::scheduling::ledger::{Charge, Ledger};
use proptest::prelude::*;

use super::packing::fits;
use crate::domain::fleet::{Demand, environment};

fn charge(pool: &str, replicas: u32, gpus_per_replica: u32) -> Charge {
    Charge { pool: pool.to_owned(), gpus_per_replica, replicas }
}

fn ledger(pools: &[(&str, u32, u32)]) -> Ledger {
    Ledger::new(&environment("east", pools).pools)
}

#[test]
fn pods_are_packed_onto_nodes_not_summed() {
    let two_nodes = ledger(&[("h200", 2, 8)]);
    let cases: [(&[Demand], bool, &str); 7] = [
        (&[(2, 4), (8, 1)], true, "16 of 16"),
        (&[(2, 4), (9, 1)], false, "17 of 16"),
        (&[(2, 8)], true, "a whole node each"),
        (&[(3, 5)], false, "15 GPUs, but only one pod of five fits a node"),
        (&[(1, 9)], false, "no node has nine"),
        (&[(1, 5), (1, 5), (2, 3)], true, "five and three share a node, twice"),
        (&[], true, "nothing always fits"),
    ];
    for (pods, expected, reason) in cases {
        let charges: Vec<Charge> = pods.iter().map(|(replicas, gpus)| charge("h200", *replicas, *gpus)).collect();
        assert_eq!(two_nodes.fits(&charges), expected, "{reason}");
    }
}

#[test]
fn both_phases_are_charged_to_one_pool_and_pools_are_apart() {
    let mut shared = ledger(&[("big", 1, 8), ("small", 1, 4)]);
    assert!(shared.fits(&[charge("big", 1, 8), charge("small", 1, 4)]));
    assert!(!shared.fits(&[charge("big", 1, 8), charge("big", 1, 1)]), "prefill cannot have what decode takes");
    assert!(!shared.fits(&[charge("gone", 1, 1)]), "a pool that is not there holds nothing");
    shared.charge(&charge("big", 1, 4));
    assert_eq!((shared.free("big"), shared.total("big"), shared.free_in_all()), (4, 8, 8));
    assert!(!shared.fits(&[charge("big", 1, 8)]));
}

#[test]
fn what_is_promised_beyond_a_pool_is_counted() {
    let mut over = ledger(&[("h200", 2, 8)]);
    over.charge(&charge("h200", 2, 4));
    over.charge(&charge("h200", 3, 8));
    assert_eq!(over.unplaced("h200"), 16, "one node for a pod of eight, one for the two of four, and two pods of eight without");
    assert_eq!(over.free("h200"), 0);
    assert!(!over.fits(&[charge("h200", 0, 1)]), "nobody is placed in a pool that is promised twice");
}

#[test]
fn numbers_that_no_cluster_has_are_no_matter() {
    let mut huge = ledger(&[("h200", u32::MAX, u32::MAX)]);
    huge.charge(&charge("h200", u32::MAX, u32::MAX));
    assert_eq!((huge.free("h200"), huge.unplaced("h200")), (0, 0));
    assert!(ledger(&[("h200", 0, 0)]).fits(&[charge("h200", 3, 0)]), "pods without GPUs need none");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// GPU counts divide each other in practice; then the ledger finds a packing whenever there is one.
    #[test]
    fn where_sizes_divide_each_other_it_is_never_wrong(
        nodes in 0_u32..5, per_node in prop::sample::select(vec![1_u32, 2, 4, 8, 12]), sizes in prop::collection::vec(0_u32..4, 0..10),
    ) {
        let pods: Vec<u32> = sizes.iter().map(|power| 1 << power).collect();
        let charges: Vec<Charge> = pods.iter().map(|gpus| charge("h200", 1, *gpus)).collect();
        let all = vec![per_node; usize::try_from(nodes).unwrap()];
        prop_assert_eq!(ledger(&[("h200", nodes, per_node)]).fits(&charges), fits(pods, all));
    }

    /// For any sizes it errs on one side only: what it admits fits.
    #[test]
    fn it_never_admits_what_does_not_fit(nodes in 0_u32..4, per_node in 1_u32..9, pods in prop::collection::vec(1_u32..9, 0..7)) {
        let charges: Vec<Charge> = pods.iter().map(|gpus| charge("h200", 1, *gpus)).collect();
        if ledger(&[("h200", nodes, per_node)]).fits(&charges) {
            prop_assert!(fits(pods, vec![per_node; usize::try_from(nodes).unwrap()]));
        }
    }
}
