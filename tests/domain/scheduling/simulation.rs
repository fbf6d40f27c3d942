//! Many deployments that decide at random times on statuses of random age, over environments that cannot hold them all.
#![allow(clippy::print_stdout, clippy::as_conversions, reason = "a simulation that says how it went")]

use std::collections::BTreeMap;

use function_modelplane::api::model_deployment::Topology;
use function_modelplane::domain::scheduling::holdings::{Fleet, Holding, Seniority};
use function_modelplane::domain::scheduling::ledger::{Charge, Ledger};
use function_modelplane::domain::scheduling::placement::{Environments, Existing};
use function_modelplane::domain::spec::deployment::Deployment;
use function_modelplane::domain::spec::model::Model;

use crate::domain::fleet::{apply, environment, environments, plan, wished};
use crate::random::Random;

const DEPLOYMENTS: usize = 20;
const ENVIRONMENTS: usize = 8;
/// How many of its last statuses another deployment's may be.
const STALE: usize = 5;
const SEEDS: u64 = 60;
/// Without a change for so long, even the oldest status in sight is the newest.
const QUIET: usize = STALE + 2;
const MOST_ROUNDS: usize = 60;

struct Actor {
    deployment: Deployment,
    model: Model,
    existing: Vec<Existing>,
    /// What it has reported, the newest last.
    reported: Vec<Vec<Holding>>,
}

/// Identifies a placement's pods: deployment, environment, topology.
type PodOwner = (usize, String, Topology);

struct World {
    random: Random,
    actors: Vec<Actor>,
    environments: Environments,
    /// Free GPUs of each node, by environment.
    nodes: BTreeMap<String, Vec<u32>>,
    /// Pods that run: owner, GPUs, node.
    running: Vec<(PodOwner, u32, usize)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let names: Vec<String> = (0..ENVIRONMENTS).map(|index| format!("e{index}")).collect();
        let actors = (0..DEPLOYMENTS).map(|index| {
            let size = |random: &mut Random| [1, 2, 4][random.below(3)];
            let replicas = |random: &mut Random| [1, 2][random.below(2)];
            let decode = (replicas(&mut random), size(&mut random));
            let prefill = (random.below(3) > 0).then(|| (replicas(&mut random), size(&mut random)));
            let (deployment, model) = wished(&format!("d{index:02}"), 1 + random.below(2), decode, prefill);
            Actor { deployment, model, existing: Vec::new(), reported: vec![Vec::new()] }
        });
        Self {
            actors: actors.collect(),
            environments: environments(names.iter().map(|name| environment(name, &[("p", 2, 8)]))),
            nodes: names.into_iter().map(|name| (name, vec![8, 8])).collect(),
            running: Vec::new(),
            random,
        }
    }

    /// What a deployment sees of the others.
    fn seen_by(&mut self, own: usize) -> Fleet {
        let mut seen = Vec::new();
        for (_, actor) in self.actors.iter().enumerate().filter(|(index, _)| *index != own) {
            let age = self.random.below(STALE.min(actor.reported.len() - 1) + 1);
            seen.extend(actor.reported[actor.reported.len() - 1 - age].clone());
        }
        Fleet::new(seen)
    }

    /// One deployment decides; whether anything changed.
    fn reconcile(&mut self, own: usize) -> bool {
        let fleet = self.seen_by(own);
        let actor = &self.actors[own];
        let plan = plan(&actor.deployment, &actor.model, &self.environments, &actor.existing, &fleet);
        let after = apply(&actor.deployment, &plan, &actor.existing);
        for ready in actor.existing.iter().filter(|existing| existing.ready) {
            assert!(
                after.iter().any(|kept| kept.place.environment == ready.place.environment),
                "{} lost what was ready",
                actor.deployment.name
            );
        }
        let changed = placed(&actor.existing) != placed(&after);
        let reported = holdings(&actor.deployment, &after);
        let actor = &mut self.actors[own];
        actor.existing = after;
        actor.reported.push(reported);
        self.end_pods(own);
        changed
    }

    /// Pods of placements that are gone give their GPUs back.
    fn end_pods(&mut self, own: usize) {
        let exists = |owner: &PodOwner| {
            owner.0 != own
                || self.actors[own].existing.iter().any(|known| known.place.environment == owner.1 && known.place.topology == owner.2)
        };
        let (stay, end): (Vec<_>, Vec<_>) = std::mem::take(&mut self.running).into_iter().partition(|(owner, ..)| exists(owner));
        for (owner, gpus, node) in end {
            self.nodes.get_mut(&owner.1).unwrap()[node] += gpus;
        }
        self.running = stay;
    }

    /// Kubernetes starts pods in any order, each on the fullest node that takes it; whoever has all of them is ready.
    fn start_pods(&mut self) {
        let mut pending: Vec<(PodOwner, u32)> = Vec::new();
        for (index, actor) in self.actors.iter().enumerate() {
            for existing in &actor.existing {
                let owner = (index, existing.place.environment.clone(), existing.place.topology);
                for charge in charges(existing) {
                    let running =
                        self.running.iter().filter(|(other, gpus, _)| *other == owner && *gpus == charge.gpus_per_replica).count();
                    let missing = (charge.replicas as usize).saturating_sub(running);
                    pending.extend(std::iter::repeat_n((owner.clone(), charge.gpus_per_replica), missing));
                }
            }
        }
        self.random.shuffle(&mut pending);
        for (owner, gpus) in pending {
            let nodes = self.nodes.get_mut(&owner.1).unwrap();
            let fitting = nodes.iter().enumerate().filter(|(_, free)| **free >= gpus).min_by_key(|(_, free)| **free);
            if let Some((node, _)) = fitting {
                nodes[node] -= gpus;
                self.running.push((owner, gpus, node));
            }
        }
        for (index, actor) in self.actors.iter_mut().enumerate() {
            for existing in &mut actor.existing {
                let owner = (index, existing.place.environment.clone(), existing.place.topology);
                let wanted: u32 = charges(existing).iter().map(|charge| charge.replicas).sum();
                existing.ready = self.running.iter().filter(|(other, ..)| *other == owner).count() == wanted as usize;
                if existing.ready {
                    existing.record.as_mut().unwrap().settled = true;
                }
            }
        }
    }

    /// Pools that are promised to more than they hold.
    fn over_promised(&self) -> Vec<String> {
        let mut ledgers: BTreeMap<String, Ledger> = BTreeMap::new();
        for existing in self.actors.iter().flat_map(|actor| &actor.existing) {
            let pools = environment(&existing.place.environment, &[("p", 2, 8)]).pools;
            let ledger = ledgers.entry(existing.place.environment.clone()).or_insert_with(|| Ledger::new(&pools));
            for charge in charges(existing) {
                ledger.charge(&charge);
            }
        }
        ledgers.into_iter().filter(|(_, ledger)| ledger.unplaced("p") > 0).map(|(name, _)| name).collect()
    }

    /// Rounds until nothing changes any more.
    fn settle(&mut self) -> usize {
        let mut last_change = 0;
        for round in 1..=MOST_ROUNDS {
            let mut order: Vec<usize> = (0..DEPLOYMENTS).collect();
            self.random.shuffle(&mut order);
            for own in order {
                if self.reconcile(own) {
                    last_change = round;
                }
                if self.random.below(3) == 0 {
                    self.start_pods();
                }
            }
            if round - last_change >= QUIET {
                return last_change;
            }
        }
        panic!("still changing after {MOST_ROUNDS} rounds");
    }
}

fn charges(existing: &Existing) -> Vec<Charge> {
    let record = existing.record.as_ref().unwrap();
    // Two phases of equal pods count as one.
    let mut charges: Vec<Charge> = Vec::new();
    for phase in std::iter::once(&record.decode).chain(&record.prefill).map(Charge::from) {
        match charges.iter_mut().find(|charge| charge.gpus_per_replica == phase.gpus_per_replica) {
            Some(charge) => charge.replicas += phase.replicas,
            None => charges.push(phase),
        }
    }
    charges
}

fn holdings(deployment: &Deployment, existing: &[Existing]) -> Vec<Holding> {
    let held = |existing: &Existing| {
        let seniority = Seniority::of(deployment, existing.record.as_ref().unwrap().settled);
        let environment = existing.place.environment.clone();
        charges(existing).into_iter().map(move |charge| Holding { environment: environment.clone(), charge, seniority: seniority.clone() })
    };
    existing.iter().flat_map(held).collect()
}

fn placed(existing: &[Existing]) -> Vec<(&str, Topology)> {
    existing.iter().map(|existing| (existing.place.environment.as_str(), existing.place.topology)).collect()
}

#[test]
fn deployments_that_decide_on_stale_statuses_settle_without_a_pool_promised_twice() {
    let mut rounds = Vec::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        rounds.push(world.settle());
        assert_eq!(world.over_promised(), Vec::<String>::new(), "seed {seed}");
        let placed: usize = world.actors.iter().map(|actor| actor.existing.len()).sum();
        assert!(placed > ENVIRONMENTS, "seed {seed}: only {placed} placed");
    }
    rounds.sort_unstable();
    println!("rounds until nothing changes: median {}, most {}, of {SEEDS} fleets", rounds[rounds.len() / 2], rounds[rounds.len() - 1]);
}
