//! Which GPUs are free: every pod is packed onto one node of its pool.

use std::collections::BTreeMap;

use crate::api::placement_record::PhaseRecord;
use crate::domain::spec::environment::Pool;

/// What one phase takes of a pool, or wants to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The pool's id.
    pub pool: String,
    /// GPUs of one pod. They must be on one node.
    pub gpus_per_replica: u32,
    /// Pods.
    pub replicas: u32,
}

impl From<&PhaseRecord> for Charge {
    fn from(record: &PhaseRecord) -> Self {
        Self { pool: record.pool.clone(), gpus_per_replica: record.gpus_per_replica, replicas: record.replicas }
    }
}

impl Charge {
    /// GPUs of all pods.
    pub fn gpus(&self) -> u64 {
        u64::from(self.gpus_per_replica).saturating_mul(u64::from(self.replicas))
    }
}

/// The pods of one environment's pools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    pools: BTreeMap<String, PoolLedger>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PoolLedger {
    nodes: u32,
    gpus_per_node: u32,
    /// Number of pods by their GPUs.
    pods: BTreeMap<u32, u64>,
}

impl Ledger {
    /// Pools in which everything is free.
    pub fn new(pools: &[Pool]) -> Self {
        let entry = |pool: &Pool| PoolLedger { nodes: pool.nodes, gpus_per_node: pool.gpus_per_node, pods: BTreeMap::new() };
        Self { pools: pools.iter().map(|pool| (pool.id.clone(), entry(pool))).collect() }
    }

    /// Records pods, whether they fit or not. A pool that does not exist holds nothing.
    pub fn charge(&mut self, charge: &Charge) {
        if let Some(pool) = self.pools.get_mut(&charge.pool) {
            pool.charge(charge);
        }
    }

    /// Whether these pods fit beside all that is recorded, packed together onto nodes.
    pub fn fits(&self, charges: &[Charge]) -> bool {
        charges.iter().all(|charge| {
            let Some(mut pool) = self.pools.get(&charge.pool).cloned() else { return false };
            charges.iter().filter(|other| other.pool == charge.pool).for_each(|other| pool.charge(other));
            pool.unplaced() == 0
        })
    }

    /// GPUs of a pool's pods for which no node is left.
    pub fn unplaced(&self, pool: &str) -> u64 {
        self.pools.get(pool).map_or(0, PoolLedger::unplaced)
    }

    /// GPUs of a pool that nothing holds.
    pub fn free(&self, pool: &str) -> u64 {
        self.pools.get(pool).map_or(0, |pool| pool.total().saturating_sub(pool.held()))
    }

    /// GPUs of a pool that are promised, be they there or not.
    pub fn held(&self, pool: &str) -> u64 {
        self.pools.get(pool).map_or(0, PoolLedger::held)
    }

    /// GPUs of a pool.
    pub fn total(&self, pool: &str) -> u64 {
        self.pools.get(pool).map_or(0, PoolLedger::total)
    }

    /// Pods of a pool by their GPUs, the smallest first.
    pub fn pods(&self, pool: &str) -> impl Iterator<Item = (u32, u64)> {
        self.pools.get(pool).into_iter().flat_map(|pool| &pool.pods).map(|(size, count)| (*size, *count))
    }

    /// GPUs of all pools that nothing holds.
    pub fn free_in_all(&self) -> u64 {
        self.pools.keys().fold(0, |sum: u64, pool| sum.saturating_add(self.free(pool)))
    }
}

impl PoolLedger {
    fn total(&self) -> u64 {
        u64::from(self.nodes).saturating_mul(u64::from(self.gpus_per_node))
    }

    fn held(&self) -> u64 {
        self.pods.iter().fold(0, |sum, (size, count)| sum.saturating_add(u64::from(*size).saturating_mul(*count)))
    }

    fn charge(&mut self, charge: &Charge) {
        let pods = self.pods.entry(charge.gpus_per_replica).or_default();
        *pods = pods.saturating_add(u64::from(charge.replicas));
    }

    fn unplaced(&self) -> u64 {
        best_fit_decreasing(self.gpus_per_node, self.nodes, &self.pods, &mut |_| {})
    }
}

/// Some pods that were put onto nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// GPUs of each pod.
    pub(super) size: u32,
    /// GPUs that were free on each of the nodes before.
    pub(super) free: u32,
    /// Nodes, all treated alike.
    pub(super) nodes: u64,
    /// Pods that each of them took.
    pub(super) pods_each: u64,
}

/// Best-fit decreasing: the largest pods first, each onto the fullest node that still takes it. Where sizes divide
/// each other, as GPU counts do in practice, it finds a packing whenever there is one. `pods` counts them by their GPUs;
/// `note` is told every step. Returns the GPUs of pods for which no node is left.
pub(super) fn best_fit_decreasing(gpus_per_node: u32, nodes: u32, pods: &BTreeMap<u32, u64>, note: &mut impl FnMut(Step)) -> u64 {
    // Nodes by their free GPUs; equal nodes are counted, not listed.
    let mut nodes = BTreeMap::from([(gpus_per_node, u64::from(nodes))]);
    let left = pods.iter().rev().filter(|(size, _)| **size > 0).map(|(size, count)| {
        let left_over = place(&mut nodes, *size, *count, note);
        u64::from(*size).saturating_mul(left_over)
    });
    left.fold(0, u64::saturating_add)
}

/// Puts `count` pods of `size` GPUs onto nodes, and returns how many are left over.
fn place(nodes: &mut BTreeMap<u32, u64>, size: u32, mut count: u64, note: &mut impl FnMut(Step)) -> u64 {
    while count > 0 {
        let Some((free, available)) = nodes.range(size..).find(|(_, number)| **number > 0).map(|(free, number)| (*free, *number)) else {
            break;
        };
        let per_node = u64::from(free.checked_div(size).unwrap_or(1));
        let full = available.min(count.checked_div(per_node).unwrap_or(0));
        let (taken, pods_each) = if full > 0 { (full, per_node) } else { (1, count) };
        count = count.saturating_sub(taken.saturating_mul(pods_each));
        let used = u64::from(size).saturating_mul(pods_each);
        let left = free.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
        nodes.insert(free, available.saturating_sub(taken));
        let number = nodes.entry(left).or_default();
        *number = number.saturating_add(taken);
        note(Step { size, free, nodes: taken, pods_each });
    }
    count
}
