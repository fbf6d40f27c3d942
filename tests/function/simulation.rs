//! A whole control plane: several deployments over environments that cannot hold them all, sums and seeds of any age, and everything that
//! people, other controllers and a cache that lags behind do to them. Whatever happens, what serves is not given up, nothing is placed twice
//! on a cluster, and when nobody does anything any more it comes to rest.
//!
//! `MODELPLANE_SIMULATION_SEEDS=500 cargo test simulation` plays more of them.
#![allow(clippy::print_stdout, reason = "a simulation that says how it went")]

use std::collections::{BTreeMap, BTreeSet};

use function_modelplane::function::proto::ResourceSelector;
use serde_json::{Value, json};

use super::cluster::{Cluster, uid};
use super::fleet::{deployment, environment, model};
use crate::random::Random;

const SEEDS: u64 = 16;
const DEPLOYMENTS: usize = 5;
const CLUSTERS: [&str; 4] = ["east", "north", "south", "west"];
const STEPS: usize = 60;
/// Rounds in which nobody does anything, after which everything must rest.
const MOST_ROUNDS: usize = 30;

/// A deployment, what is composed of it, and what its last reconcile required.
#[derive(Clone)]
struct Actor {
    composite: Value,
    composed: BTreeMap<String, Value>,
    tracked: BTreeMap<String, ResourceSelector>,
}

struct World {
    random: Random,
    seeds: bool,
    /// Models and environments.
    shared: Vec<Value>,
    actors: Vec<Actor>,
    /// Deployments that were ever made, of which each has a uid of its own.
    born: usize,
    reconciles: usize,
    history: Vec<String>,
}

fn is_serving(object: &Value) -> bool {
    object["spec"]["forProvider"]["manifest"]["kind"] == json!("LLMInferenceService")
}

fn is_ready(object: &Value) -> bool {
    let conditions = object.pointer("/status/atProvider/manifest/status/conditions").and_then(Value::as_array);
    conditions.is_some_and(|conditions| conditions.iter().any(|c| c["type"] == json!("Ready") && c["status"] == json!("True")))
}

/// GPUs that a serving object takes.
fn gpus(object: &Value) -> u64 {
    let spec = &object["spec"]["forProvider"]["manifest"]["spec"];
    let of = |phase: &Value| {
        let containers = phase["template"]["containers"].as_array().into_iter().flatten();
        let each: u64 = containers.filter_map(|c| c["resources"]["limits"]["nvidia.com/gpu"].as_str()?.parse::<u64>().ok()).sum();
        each * phase["replicas"].as_u64().unwrap_or(1)
    };
    of(spec) + of(&spec["prefill"])
}

impl World {
    fn new(seed: u64) -> Self {
        let mut second = model();
        second["metadata"]["name"] = json!("other");
        let mut shared = vec![model(), second];
        shared.extend(CLUSTERS.map(environment));
        let mut world =
            Self { random: Random(seed), seeds: seed % 2 == 1, shared, actors: Vec::new(), born: 0, reconciles: 0, history: Vec::new() };
        for _ in 0..DEPLOYMENTS {
            let actor = world.newborn();
            world.actors.push(actor);
        }
        world
    }

    /// A new deployment, perhaps under a name that another had.
    fn newborn(&mut self) -> Actor {
        self.born += 1;
        let mut composite = deployment(1 + u32::try_from(self.random.below(2)).unwrap());
        composite["metadata"]["name"] = json!(format!("d{}", self.born % (2 * DEPLOYMENTS)));
        composite["metadata"]["uid"] = json!(uid(&format!("deployment {}", self.born)));
        composite["metadata"]["creationTimestamp"] = json!(format!("2026-01-01T{:02}:{:02}:00Z", self.born / 60, self.born % 60));
        composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1 + self.random.below(2));
        composite["spec"]["prefill"]["scaling"]["fixed"]["replicas"] = json!(1 + self.random.below(3));
        Actor { composite, composed: BTreeMap::new(), tracked: BTreeMap::new() }
    }

    /// The control plane as a reconcile of one deployment sees it.
    fn around(&self, own: usize) -> Cluster {
        let others = self.actors.iter().enumerate().filter(|(index, _)| *index != own);
        let mut objects = self.shared.clone();
        objects.extend(self.actors.iter().map(|actor| actor.composite.clone()));
        objects.extend(others.flat_map(|(_, actor)| actor.composed.values().cloned()));
        let Actor { composite, composed, tracked } = self.actors[own].clone();
        Cluster { composed, tracked, seeds: self.seeds, stale: true, ..Cluster::new(composite, objects) }
    }

    /// Reconciles a deployment; whether what is composed of it changed.
    fn reconcile(&mut self, own: usize) -> bool {
        self.reconciles += 1;
        let mut cluster = self.around(own);
        let before = cluster.composed.clone();
        let wanted = usize::try_from(cluster.composite["spec"]["environments"].as_u64().unwrap()).unwrap();
        let reconciled = cluster.reconcile();
        let said = reconciled.fatal().unwrap_or_default();
        assert!(!said.contains("unexpectedly") && !said.contains("would be lost"), "{said}; {:?}", self.history);
        let serving =
            |composed: &BTreeMap<String, Value>| composed.values().filter(|object| is_serving(object) && is_ready(object)).count();
        let (had, has) = (serving(&before), serving(&cluster.composed));
        assert!(has >= had.min(wanted), "{had} served, {has} do; {:?}", self.history);
        let actor = &mut self.actors[own];
        let same =
            before.keys().eq(cluster.composed.keys()) && before.iter().all(|(key, object)| object["spec"] == cluster.composed[key]["spec"]);
        *actor = Actor { composite: cluster.composite, composed: cluster.composed, tracked: cluster.tracked };
        self.assert_one_per_cluster(own);
        !same
    }

    /// Two placements with one topology on one cluster would be one object with two owners there.
    fn assert_one_per_cluster(&self, own: usize) {
        let mut seen = BTreeSet::new();
        for object in self.actors[own].composed.values().filter(|object| is_serving(object)) {
            let name = object["spec"]["forProvider"]["manifest"]["metadata"]["name"].clone();
            let record = object["metadata"]["annotations"]["modelplane.ai/placement"].as_str().unwrap_or("{}");
            let cluster = serde_json::from_str::<Value>(record).unwrap()["cluster"].clone();
            if !cluster.is_null() {
                assert!(seen.insert((name.to_string(), cluster.to_string())), "{name} twice on {cluster}; {:?}", self.history);
            }
        }
    }

    /// Environments sum up what stands on them: all, or one.
    fn sum_up(&mut self, chosen: Option<&str>) {
        let mut cluster = self.around(0);
        cluster.objects.extend(cluster.composed.values().cloned().collect::<Vec<_>>());
        cluster.composed.clear();
        cluster.sum_up_only(|name| chosen.is_none_or(|chosen| chosen == name));
        self.shared = cluster.objects.into_iter().take(self.shared.len()).collect();
    }

    /// Kubernetes starts what fits beside what runs, in any order; what runs goes on.
    fn start_pods(&mut self) {
        let mut free: BTreeMap<String, u64> = CLUSTERS.map(|cluster| (format!("{cluster}-cluster-kubeconfig"), 16)).into();
        let mut pending = Vec::new();
        for (index, actor) in self.actors.iter().enumerate() {
            for (key, object) in actor.composed.iter().filter(|(_, object)| is_serving(object)) {
                let at = object["spec"]["providerConfigRef"]["name"].as_str().unwrap_or_default().to_owned();
                let left = free.entry(at.clone()).or_insert(16);
                if is_ready(object) {
                    *left = left.saturating_sub(gpus(object));
                } else {
                    pending.push((index, key.clone(), at, gpus(object)));
                }
            }
        }
        self.random.shuffle(&mut pending);
        for (index, key, at, wanted) in pending {
            let left = free.get_mut(&at).unwrap();
            if *left >= wanted {
                *left -= wanted;
                let mut cluster = self.around(index);
                cluster.report(&key, true, true, true);
                self.actors[index].composed = cluster.composed;
            }
        }
        for actor in &mut self.actors {
            let mut cluster = Cluster { composed: actor.composed.clone(), ..Cluster::new(Value::Null, Vec::new()) };
            cluster.create_the_rest();
            actor.composed = cluster.composed;
        }
    }

    fn environments(&self) -> Vec<String> {
        let environments = self.shared.iter().filter(|object| object["kind"] == json!("InferenceEnvironment"));
        environments.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    fn change_environment(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        change(self.shared.iter_mut().find(|object| object["metadata"]["name"] == json!(name)).unwrap());
    }

    /// One of a deployment's serving objects.
    fn serving(&mut self, own: usize) -> Option<String> {
        let composed = &self.actors[own].composed;
        let keys: Vec<&String> = composed.iter().filter(|(_, object)| is_serving(object)).map(|(key, _)| key).collect();
        (!keys.is_empty()).then(|| (*self.random.pick(&keys)).clone())
    }

    /// Somebody does something.
    fn disturb(&mut self) {
        let own = self.random.below(self.actors.len());
        let names = self.environments();
        let name = self.random.pick(&names).clone();
        let faults = [
            "rename",
            "point elsewhere",
            "cordon",
            "drain",
            "open",
            "lose nodes",
            "label",
            "delete environment",
            "make environment",
            "forget record",
            "forget status",
            "forge status",
            "vanish",
            "ghost",
            "not seen yet",
            "wanted",
            "topology",
            "replicas",
            "model",
            "replace deployment",
            "upgrade core",
        ];
        let fault = *self.random.pick(&faults);
        self.history.push(format!("{fault} {name} d{own}"));
        match fault {
            "rename" => {
                let other = name.strip_suffix("-renamed").map_or_else(|| format!("{name}-renamed"), str::to_owned);
                if !names.contains(&other) {
                    self.change_environment(&name, |object| {
                        object["metadata"]["name"] = json!(other);
                        object["status"].as_object_mut().unwrap().remove("ledger");
                    });
                }
            }
            "point elsewhere" => {
                let secret = format!("{}-kubeconfig", self.random.pick(&CLUSTERS));
                self.change_environment(&name, |object| object["spec"]["cluster"]["existing"]["secretRef"]["name"] = json!(secret));
            }
            "cordon" => self.change_environment(&name, |object| object["spec"]["availability"] = json!("Cordoned")),
            "drain" => self.change_environment(&name, |object| object["spec"]["availability"] = json!("Draining")),
            "open" => self.change_environment(&name, |object| object["spec"]["availability"] = json!("Schedulable")),
            "lose nodes" => {
                let nodes = 1 + self.random.below(2);
                self.change_environment(&name, |object| object["status"]["capacity"]["gpuPools"][0]["nodes"] = json!(nodes));
            }
            "label" => self.change_environment(&name, |object| object["metadata"]["labels"] = json!({})),
            "delete environment" if names.len() > 2 => self.shared.retain(|object| object["metadata"]["name"] != json!(name)),
            "make environment" => {
                let cluster = *self.random.pick(&CLUSTERS);
                if !names.contains(&cluster.to_owned()) {
                    self.shared.push(environment(cluster));
                }
            }
            "forget record" => {
                if let Some(key) = self.serving(own) {
                    let object = self.actors[own].composed.get_mut(&key).unwrap();
                    object["metadata"]["annotations"].as_object_mut().unwrap().remove("modelplane.ai/placement");
                }
            }
            "forget status" => self.actors[own].composite["status"] = Value::Null,
            "forge status" => {
                let phase = json!({"pool": "h200", "gpusPerReplica": 8, "replicas": 2, "ready": true});
                let forged = json!([{"environment": name, "topology": "PrefillDecode", "profile": "disagg", "ready": true, "settled": true,
                                     "uid": "forged", "decode": phase, "prefill": phase}]);
                if self.actors[own].composite["status"].is_object() {
                    self.actors[own].composite["status"]["placements"] = json!({"items": forged});
                }
            }
            "vanish" => {
                if let Some(key) = self.serving(own) {
                    self.actors[own].composed.remove(&key);
                }
            }
            "ghost" => self.reconcile_with_a_ghost(own),
            "not seen yet" => self.reconcile_without_seeing(own),
            "wanted" => self.actors[own].composite["spec"]["environments"] = json!(1 + self.random.below(3)),
            "topology" => {
                let spec = self.actors[own].composite["spec"].as_object_mut().unwrap();
                let unified = spec["topology"] == json!("Unified");
                spec.insert("topology".to_owned(), json!(if unified { "PrefillDecode" } else { "Unified" }));
                spec.remove("prefill");
                if unified {
                    spec.insert("prefill".to_owned(), json!({"scaling": {"signal": "Fixed", "fixed": {"replicas": 2}}}));
                }
            }
            "replicas" => self.actors[own].composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1 + self.random.below(3)),
            "model" => self.actors[own].composite["spec"]["modelRef"]["name"] = json!(*self.random.pick(&["llama", "other"])),
            "replace deployment" => self.actors[own] = self.newborn(),
            "upgrade core" => self.seeds = !self.seeds,
            _ => {}
        }
    }

    /// The function sees a serving object that is deleted already (crossplane#7711): what it wants of that is made anew.
    fn reconcile_with_a_ghost(&mut self, own: usize) {
        let Some(key) = self.serving(own) else { return };
        let ghost = self.actors[own].composed[&key].clone();
        self.reconcile(own);
        if let Some(object) = self.actors[own].composed.get_mut(&key) {
            object["metadata"]["uid"] = json!(uid(&format!("{} again", ghost["metadata"]["uid"])));
            object.as_object_mut().unwrap().remove("status");
        }
    }

    /// The function does not see a serving object that was created a moment ago.
    fn reconcile_without_seeing(&mut self, own: usize) {
        let Some(key) = self.serving(own) else { return };
        let unseen = self.actors[own].composed.remove(&key).unwrap();
        let usable = self.actors[own].composite["status"].is_object();
        self.reconcile(own);
        match self.actors[own].composed.get_mut(&key) {
            // Applied again, it is the object that was there all the time.
            Some(object) => {
                object["metadata"]["uid"] = unseen["metadata"]["uid"].clone();
                if let Some(status) = unseen.get("status") {
                    object["status"] = status.clone();
                }
            }
            // Nothing wants it and nobody sees it: whoever looks next does.
            None if usable => _ = self.actors[own].composed.insert(key, unseen),
            None => {}
        }
    }

    /// Rounds until nothing changes any more, while nobody does anything.
    fn settle(&mut self) -> usize {
        let (mut last_change, history) = (0, self.history.len());
        for round in 1..=MOST_ROUNDS {
            self.sum_up(None);
            let mut order: Vec<usize> = (0..self.actors.len()).collect();
            self.random.shuffle(&mut order);
            for own in order {
                if self.reconcile(own) {
                    last_change = round;
                    self.history.push(format!("round {round}: d{own} changed"));
                }
            }
            self.start_pods();
            if round - last_change >= 3 {
                self.history.truncate(history);
                return last_change;
            }
        }
        panic!("still changing after {MOST_ROUNDS} rounds: {:?}", self.history);
    }

    /// GPUs that are promised in an environment, and those that it has.
    fn gpus_of(&self, name: &str) -> (u64, u64) {
        let all = self.actors.iter().flat_map(|actor| actor.composed.values());
        let here = all.filter(|object| is_serving(object) && object["metadata"]["labels"]["modelplane.ai/environment"] == json!(name));
        let environment = self.shared.iter().find(|object| object["metadata"]["name"] == json!(name)).unwrap();
        let nodes = environment["status"]["capacity"]["gpuPools"][0]["nodes"].as_u64().unwrap();
        (here.map(gpus).sum(), nodes * 8)
    }

    /// What must hold when nothing changes any more.
    fn assert_rest(&mut self) {
        for own in 0..self.actors.len() {
            let reconciled = self.around(own).dry_run();
            let status = reconciled.status();
            let items = status["placements"]["items"].as_array().cloned().unwrap_or_default();
            let wanted = self.actors[own].composite["spec"]["environments"].clone();
            let placed = json!(items.iter().filter(|item| item["ready"] == json!(true) && item["reason"].is_null()).count());
            let keys: Vec<&String> = reconciled.request.required_resources.keys().collect();
            let own_only = keys.iter().all(|key| key.starts_with("environment-") || key.starts_with("model-"));
            assert!(
                placed != wanted || json!(items.len()) != wanted || own_only,
                "d{own} serves and asks for {keys:?}; {:?}",
                self.history
            );
            assert!(!keys.iter().any(|key| key.as_str() == "deployments"), "d{own} asks for everybody; {:?}", self.history);
            for item in items.iter().filter(|item| item["settled"] == json!(false) && item["reason"] == json!("Creating")) {
                let name = item["environment"].as_str().unwrap();
                let (held, there) = self.gpus_of(name);
                assert!(held <= there, "d{own} waits in {name} for GPUs that others were promised: {held} of {there}; {:?}", self.history);
            }
        }
    }
}

#[test]
fn whatever_happens_what_serves_goes_on_and_in_the_end_all_is_at_rest() {
    let seeds = std::env::var("MODELPLANE_SIMULATION_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let (mut reconciles, mut rounds) = (0, 0);
    for seed in 0..seeds {
        let mut world = World::new(seed);
        world.history.push(format!("seed {seed}"));
        for step in 0..STEPS {
            match world.random.below(4) {
                0 => world.disturb(),
                1 => {
                    let names = world.environments();
                    let name = world.random.pick(&names).clone();
                    world.sum_up(Some(&name));
                }
                2 => world.start_pods(),
                _ => {
                    let own = world.random.below(DEPLOYMENTS);
                    world.reconcile(own);
                }
            }
            if step % 20 == 19 {
                rounds = rounds.max(world.settle());
                world.assert_rest();
            }
        }
        reconciles += world.reconciles;
    }
    println!("{seeds} control planes, {reconciles} reconciles, at rest after {rounds} rounds at most");
}
