//! Environments, pools and nodes as the page shows them: who holds which GPUs.

use std::collections::{BTreeMap, BTreeSet};

use super::tally::{Tally, Use};
use crate::api::inference_environment::{self, Availability, RdmaKind};
use crate::api::model_deployment_status::{PlacementItem, ReportedDeployment};
use crate::api::{API_VERSION, model_deployment};
use crate::api::{phase::Phase, placement_record::PhaseRecord};
use crate::cli::plane::{control_plane::ControlPlane, object_key::ObjectKey};
use crate::domain::scheduling::ledger::{Charge, Ledger};
use crate::domain::scheduling::packing::{NodeGroup, PackedPods, pack};
use crate::domain::spec::environment::{Environment, Pool};
use crate::domain::spec::violation::join;
use crate::function::reading::read_environment;
use crate::structs::from_struct;

/// Some pods of one phase of one placement.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    /// `namespace/name`; `None` where that is not to be told.
    pub(crate) deployment: Option<String>,
    /// The deployment's number on the page, if it is there.
    pub(crate) number: Option<usize>,
    pub(crate) purpose: Use,
    /// The phase, whoever's it is.
    pub(crate) phase: Phase,
    pub(crate) charge: Charge,
}

impl Holder {
    pub(crate) fn name(&self) -> &str {
        self.deployment.as_deref().unwrap_or("another deployment")
    }

    /// "D1": what stands on a block.
    pub(crate) fn mark(&self) -> String {
        let number = self.number.map(|number| number.to_string()).unwrap_or_default();
        format!("{}{number}", self.purpose.letter())
    }
}

/// An environment.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentView {
    pub(crate) id: usize,
    pub(crate) name: String,
    /// What is to be known of it in a word or two each.
    pub(crate) notes: Vec<String>,
    pub(crate) labels: Vec<String>,
    /// Why nothing can be said of its pools.
    pub(crate) problem: Option<String>,
    pub(crate) pools: Vec<PoolView>,
    pub(crate) holders: Vec<Holder>,
    pub(crate) tally: Tally,
}

impl EnvironmentView {
    pub(crate) fn pool(&self, name: &str) -> Option<&PoolView> {
        self.pools.iter().find(|pool| pool.name == name)
    }
}

/// A pool.
#[derive(Debug)]
pub(crate) struct PoolView {
    pub(crate) name: String,
    pub(crate) accelerator: String,
    pub(crate) memory: String,
    pub(crate) nodes: u32,
    pub(crate) gpus_per_node: u32,
    pub(crate) tally: Tally,
    pub(crate) rows: Vec<NodeView>,
    /// GPUs that are promised to pods for which no node is left.
    pub(crate) unplaced: u64,
}

/// A node, or some that are equal.
#[derive(Debug)]
pub(crate) struct NodeView {
    pub(crate) nodes: u64,
    pub(crate) blocks: Vec<Block>,
    pub(crate) free: u32,
}

impl NodeView {
    pub(crate) fn gpus_per_node(&self) -> u64 {
        self.blocks.iter().fold(u64::from(self.free), |sum, block| sum.saturating_add(block.gpus))
    }
}

/// GPUs of one node that one phase holds.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) purpose: Use,
    pub(crate) number: Option<usize>,
    pub(crate) mark: String,
    pub(crate) gpus: u64,
    pub(crate) pods: u64,
    pub(crate) gpus_per_pod: u32,
    pub(crate) words: String,
}

/// Whom the page is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The number of each deployment on the page.
    pub(crate) numbers: &'a BTreeMap<&'a ObjectKey, usize>,
    /// Whether deployments that are not on the page are named.
    pub(crate) names_others: bool,
}

/// Every environment that exists or that a placement names, sorted by name. With `grouped` equal nodes are one row.
pub(crate) fn environments(control_plane: &ControlPlane, subject: Subject<'_>, grouped: bool) -> Vec<EnvironmentView> {
    let mut holders = holders(control_plane, subject);
    let keys = control_plane.keys_of(API_VERSION, inference_environment::KIND);
    let mut views: BTreeMap<String, EnvironmentView> = BTreeMap::new();
    for key in keys {
        let held = holders.remove(&key.name).unwrap_or_default();
        let view = match read_environment(control_plane.bytes(&key)) {
            Ok(environment) => view(&environment, held, grouped),
            Err(violations) => unusable(&key.name, "invalid", join(&violations), held),
        };
        views.insert(key.name, view);
    }
    for (name, held) in holders {
        views.insert(name.clone(), unusable(&name, "missing", "the environment does not exist".to_owned(), held));
    }
    views.into_values().enumerate().map(|(index, view)| EnvironmentView { id: index.saturating_add(1), ..view }).collect()
}

fn unusable(name: &str, note: &str, problem: String, holders: Vec<Holder>) -> EnvironmentView {
    EnvironmentView { name: name.to_owned(), notes: vec![note.to_owned()], problem: Some(problem), holders, ..EnvironmentView::default() }
}

/// What every deployment's status says that it holds, by environment.
fn holders(control_plane: &ControlPlane, subject: Subject<'_>) -> BTreeMap<String, Vec<Holder>> {
    let mut found: BTreeMap<String, Vec<Holder>> = BTreeMap::new();
    for key in control_plane.keys_of(API_VERSION, model_deployment::KIND) {
        let number = subject.numbers.get(&key).copied();
        let status = from_struct::<ReportedDeployment>(control_plane.bytes(&key)).unwrap_or_default().status;
        let named = (number.is_some() || subject.names_others).then(|| key.full_name());
        for item in &status.placements.items {
            let holders = phases(item).into_iter().map(|(phase, charge)| Holder {
                deployment: named.clone(),
                number,
                purpose: if number.is_some() { Use::Of(phase) } else { Use::Other },
                phase,
                charge,
            });
            found.entry(item.environment.clone()).or_default().extend(holders);
        }
    }
    found
}

/// What a placement holds, phase by phase.
pub(crate) fn phases(item: &PlacementItem) -> Vec<(Phase, Charge)> {
    let all = [(Phase::main(item.topology), item.decode.as_ref()), (Phase::Prefill, item.prefill.as_ref())];
    all.into_iter().filter_map(|(which, phase)| Some((which, Charge::from(&PhaseRecord::from(phase?))))).collect()
}

fn view(environment: &Environment, holders: Vec<Holder>, grouped: bool) -> EnvironmentView {
    let charges: Vec<Charge> = holders.iter().map(|holder| holder.charge.clone()).collect();
    let pools: Vec<PoolView> = environment.pools.iter().map(|pool| view_pool(pool, &holders, &charges, grouped)).collect();
    EnvironmentView {
        id: 0,
        name: environment.name.clone(),
        notes: notes(environment),
        labels: environment.labels.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        problem: None,
        tally: Tally::sum(pools.iter().map(|pool| &pool.tally)),
        pools,
        holders,
    }
}

fn notes(environment: &Environment) -> Vec<String> {
    let availability = match environment.availability {
        Availability::Schedulable => None,
        Availability::Cordoned => Some("cordoned"),
        Availability::Draining => Some("draining"),
    };
    let rdma = environment.rdma.as_ref().map(|rdma| match rdma.kind {
        RdmaKind::InfiniBand => "InfiniBand",
        RdmaKind::RoCE => "RoCE",
        RdmaKind::Efa => "EFA",
        RdmaKind::Other => "RDMA",
    });
    let deleting = environment.deleting.then_some("being deleted");
    [deleting, availability, rdma].into_iter().flatten().map(str::to_owned).collect()
}

fn view_pool(pool: &Pool, holders: &[Holder], charges: &[Charge], grouped: bool) -> PoolView {
    let mut tally = Tally::of(Ledger::new(std::slice::from_ref(pool)).total(&pool.id));
    let here = holders.iter().filter(|holder| holder.charge.pool == pool.id);
    here.for_each(|holder| tally.add(holder.purpose, holder.charge.gpus()));
    let packing = pack(pool, charges);
    PoolView {
        name: pool.id.clone(),
        accelerator: pool.accelerator_type.clone(),
        memory: pool.memory.to_string(),
        nodes: pool.nodes,
        gpus_per_node: pool.gpus_per_node,
        tally,
        rows: packing.groups.iter().flat_map(|group| view_nodes(group, holders, grouped)).collect(),
        unplaced: packing.unplaced,
    }
}

/// The most equal nodes that are shown one by one.
const ALIKE: u64 = 8;

fn view_nodes(group: &NodeGroup, holders: &[Holder], grouped: bool) -> Vec<NodeView> {
    let one_by_one = !grouped && group.nodes <= ALIKE;
    let (rows, nodes) = if one_by_one { (group.nodes, 1) } else { (1, group.nodes) };
    let blocks = || group.pods.iter().filter_map(|pods| Some(block(holders.get(pods.charge)?, pods))).collect();
    (0..rows).map(|_| NodeView { nodes, blocks: blocks(), free: group.free }).collect()
}

fn block(holder: &Holder, pods: &PackedPods) -> Block {
    let PackedPods { pods, gpus_per_pod, .. } = *pods;
    Block {
        purpose: holder.purpose,
        number: holder.number,
        mark: holder.mark(),
        gpus: pods.saturating_mul(u64::from(gpus_per_pod)),
        pods,
        gpus_per_pod,
        words: format!("{pods} x {gpus_per_pod} GPUs, {} of {}", holder.phase, holder.name()),
    }
}

/// Every number that the page needs as a width.
pub(crate) fn widths(environments: &[EnvironmentView]) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for environment in environments {
        found.extend(environment.tally.shares().iter().map(|share| share.gpus));
        for pool in &environment.pools {
            found.insert(u64::from(pool.gpus_per_node));
            found.extend(pool.tally.shares().iter().map(|share| share.gpus));
            found.extend(pool.rows.iter().flat_map(|row| row.blocks.iter().map(|block| block.gpus).chain([u64::from(row.free)])));
        }
    }
    found
}
