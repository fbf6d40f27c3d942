//! Which pods share which node: the ledger's own packing, for whoever wants to see it. Kubernetes may place them otherwise.

use std::collections::{BTreeMap, VecDeque};

use super::ledger::{Charge, Step, best_fit_decreasing};
use crate::domain::spec::environment::Pool;

/// A pool's nodes with what is on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// All nodes, the fullest first; equal ones are one group.
    pub groups: Vec<NodeGroup>,
    /// GPUs of pods for which no node is left.
    pub unplaced: u64,
}

/// Equal nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeGroup {
    /// GPUs of each that nothing holds.
    pub free: u32,
    /// What is on each.
    pub pods: Vec<PackedPods>,
    /// How many nodes.
    pub nodes: u64,
}

/// Pods of one charge on one node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackedPods {
    /// The charge's index.
    pub charge: usize,
    /// Pods.
    pub pods: u64,
    /// GPUs of each.
    pub gpus_per_pod: u32,
}

/// Packs what is charged to a pool; charges of other pools are passed over. Of pods with as many GPUs those of the first charge come
/// first.
pub fn pack(pool: &Pool, charges: &[Charge]) -> Packing {
    let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
    let mut waiting: BTreeMap<u32, VecDeque<(usize, u64)>> = BTreeMap::new();
    for (index, charge) in charges.iter().enumerate().filter(|(_, charge)| charge.pool == pool.id) {
        let count = u64::from(charge.replicas);
        let pods = sizes.entry(charge.gpus_per_replica).or_default();
        *pods = pods.saturating_add(count);
        waiting.entry(charge.gpus_per_replica).or_default().push_back((index, count));
    }
    let empty = NodeGroup { free: pool.gpus_per_node, pods: Vec::new(), nodes: u64::from(pool.nodes) };
    let mut shelves = BTreeMap::from([(pool.gpus_per_node, vec![empty])]);
    let unplaced = best_fit_decreasing(pool.gpus_per_node, pool.nodes, &sizes, &mut |step| {
        replay(&mut shelves, waiting.entry(step.size).or_default(), step);
    });
    let mut groups: Vec<NodeGroup> = shelves.into_values().flatten().filter(|group| group.nodes > 0).collect();
    groups.sort();
    groups.dedup_by(|next, kept| {
        let same = next.free == kept.free && next.pods == kept.pods;
        if same {
            kept.nodes = kept.nodes.saturating_add(next.nodes);
        }
        same
    });
    Packing { groups, unplaced }
}

/// Moves the nodes of one step to where they belong with their new pods. `shelves` are groups by their free GPUs.
fn replay(shelves: &mut BTreeMap<u32, Vec<NodeGroup>>, waiting: &mut VecDeque<(usize, u64)>, step: Step) {
    let mut missing = step.nodes;
    while missing > 0 {
        let Some(shelf) = shelves.get_mut(&step.free) else { return };
        let Some(mut group) = shelf.pop() else { return };
        let (alike, mut added) = take(waiting, step, missing.min(group.nodes));
        group.nodes = group.nodes.saturating_sub(alike);
        let mut pods = group.pods.clone();
        if group.nodes > 0 {
            shelf.push(group);
        }
        pods.append(&mut added);
        let held = added_gpus(step);
        let free = step.free.saturating_sub(held);
        shelves.entry(free).or_default().push(NodeGroup { free, pods, nodes: alike });
        missing = missing.saturating_sub(alike);
    }
}

fn added_gpus(step: Step) -> u32 {
    u32::try_from(u64::from(step.size).saturating_mul(step.pods_each)).unwrap_or(u32::MAX)
}

/// Takes the pods of up to `nodes` nodes from those that wait: as many nodes as have the same pods, and what is on each.
fn take(waiting: &mut VecDeque<(usize, u64)>, step: Step, nodes: u64) -> (u64, Vec<PackedPods>) {
    let packed = |charge: usize, pods: u64| PackedPods { charge, pods, gpus_per_pod: step.size };
    if let Some((charge, left)) = waiting.front_mut()
        && *left >= step.pods_each
    {
        let alike = nodes.min(left.checked_div(step.pods_each).unwrap_or(1));
        *left = left.saturating_sub(alike.saturating_mul(step.pods_each));
        return (alike, vec![packed(*charge, step.pods_each)]);
    }
    let (mut pods, mut missing) = (Vec::new(), step.pods_each);
    while missing > 0 {
        let Some((charge, left)) = waiting.front_mut() else { break };
        let some = missing.min(*left);
        if some > 0 {
            pods.push(packed(*charge, some));
        }
        *left = left.saturating_sub(some);
        missing = missing.saturating_sub(some);
        if *left == 0 {
            waiting.pop_front();
        }
    }
    (1, pods)
}
