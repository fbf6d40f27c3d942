//! Anything that can change, changing in any order: whatever happens, what serves is not given up before something else serves.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::fleet::{deployment, environment, model, standing};

const NAMES: [&str; 4] = ["east", "north", "south", "west"];

/// Something that somebody does.
#[derive(Debug, Clone, Copy)]
enum Change {
    Delete(usize),
    Recreate(usize),
    Availability(usize, &'static str),
    Label(usize, bool),
    Nodes(usize, u32),
    RenamePool(usize, bool),
    ProviderConfig(usize, bool),
    Local(usize, bool),
    Secret(usize, usize),
    Wanted(u32),
    Replicas(u32, u32),
    Disaggregate(bool),
    Signal(&'static str),
    Region(Option<usize>),
    Profile(&'static str),
    Image(&'static str),
    Gpus(u32),
    Model(bool),
    ModelRef(&'static str),
    Others(u32, bool),
    Report(usize, bool),
    ForgetStatus,
    ForgetRecord(usize),
    Rename(usize),
    Vanish(usize),
    /// Crossplane is upgraded, or taken back.
    Core(bool),
    /// Environments do not sum up what stands on them, or do again.
    Stale(bool),
}

fn change() -> impl Strategy<Value = Change> {
    let any_environment = 0..NAMES.len();
    let on = any_environment.clone();
    prop_oneof![
        on.clone().prop_map(Change::Delete),
        on.clone().prop_map(Change::Recreate),
        (on.clone(), prop::sample::select(vec!["Schedulable", "Cordoned", "Draining"])).prop_map(|(at, to)| Change::Availability(at, to)),
        (on.clone(), any::<bool>()).prop_map(|(at, set)| Change::Label(at, set)),
        (on.clone(), 0_u32..4).prop_map(|(at, nodes)| Change::Nodes(at, nodes)),
        (on.clone(), any::<bool>()).prop_map(|(at, other)| Change::RenamePool(at, other)),
        (on.clone(), any::<bool>()).prop_map(|(at, there)| Change::ProviderConfig(at, there)),
        (on.clone(), any::<bool>()).prop_map(|(at, local)| Change::Local(at, local)),
        (on.clone(), on.clone()).prop_map(|(at, secret)| Change::Secret(at, secret)),
        (1_u32..4).prop_map(Change::Wanted),
        (1_u32..4, 1_u32..4).prop_map(|(decode, prefill)| Change::Replicas(decode, prefill)),
        any::<bool>().prop_map(Change::Disaggregate),
        prop::sample::select(vec!["WVA", "Concurrency"]).prop_map(Change::Signal),
        prop::option::of(on.clone()).prop_map(Change::Region),
        prop::sample::select(vec!["disagg", "renamed"]).prop_map(Change::Profile),
        prop::sample::select(vec!["vllm/vllm-openai:v0.32.0", "{{ broken }}"]).prop_map(Change::Image),
        prop::sample::select(vec![1_u32, 4, 8, 16]).prop_map(Change::Gpus),
        any::<bool>().prop_map(Change::Model),
        prop::sample::select(vec!["llama", "other", "none"]).prop_map(Change::ModelRef),
        (0_u32..17, any::<bool>()).prop_map(|(gpus, settled)| Change::Others(gpus, settled)),
        (on.clone(), prop::bool::weighted(0.8)).prop_map(|(at, ready)| Change::Report(at, ready)),
        (on, Just(true)).prop_map(|(at, ready)| Change::Report(at, ready)),
        Just(Change::ForgetStatus),
        any_environment.clone().prop_map(Change::Rename),
        any_environment.clone().prop_map(Change::Vanish),
        any::<bool>().prop_map(Change::Core),
        any::<bool>().prop_map(Change::Stale),
        any_environment.prop_map(Change::ForgetRecord),
    ]
}

fn exists(cluster: &Cluster, kind: &str, name: &str) -> bool {
    cluster.objects.iter().any(|object| object["kind"] == json!(kind) && object["metadata"]["name"] == json!(name))
}

fn change_environment(cluster: &mut Cluster, at: usize, change: impl FnOnce(&mut Value)) {
    if exists(cluster, "InferenceEnvironment", NAMES[at]) {
        cluster.change("InferenceEnvironment", NAMES[at], change);
    }
}

fn change_model(cluster: &mut Cluster, change: impl FnOnce(&mut Value)) {
    if exists(cluster, "ClusterModel", "llama") {
        cluster.change("ClusterModel", "llama", change);
    }
}

fn make(cluster: &mut Cluster, change: Change) {
    match change {
        Change::Delete(at) => cluster.delete("InferenceEnvironment", NAMES[at]),
        Change::Recreate(at) => {
            cluster.delete("InferenceEnvironment", NAMES[at]);
            cluster.objects.push(environment(NAMES[at]));
        }
        Change::Availability(at, to) => change_environment(cluster, at, |object| object["spec"]["availability"] = json!(to)),
        Change::Label(at, set) => {
            change_environment(cluster, at, |object| object["metadata"]["labels"]["modelplane.ai/rdma"] = json!(set.to_string()));
        }
        Change::Nodes(at, nodes) => {
            change_environment(cluster, at, |object| object["status"]["capacity"]["gpuPools"][0]["nodes"] = json!(nodes));
        }
        Change::RenamePool(at, other) => {
            let name = if other { "other" } else { "h200" };
            change_environment(cluster, at, |object| object["status"]["capacity"]["gpuPools"][0]["name"] = json!(name));
        }
        Change::ProviderConfig(at, there) => {
            let reference = if there { json!({"name": format!("{}-cluster-kubeconfig", NAMES[at])}) } else { json!({}) };
            change_environment(cluster, at, |object| object["status"]["providerConfigRef"] = reference);
        }
        Change::Local(at, local) => {
            let existing = json!({"source": "Existing", "existing": {"secretRef": {"name": format!("{}-kubeconfig", NAMES[at])}}});
            let cluster_spec = if local { json!({"source": "Local"}) } else { existing };
            change_environment(cluster, at, |object| object["spec"]["cluster"] = cluster_spec);
        }
        Change::Secret(at, secret) => {
            let existing = json!({"source": "Existing", "existing": {"secretRef": {"name": format!("{}-kubeconfig", NAMES[secret])}}});
            change_environment(cluster, at, |object| object["spec"]["cluster"] = existing);
        }
        Change::Wanted(wanted) => cluster.composite["spec"]["environments"] = json!(wanted),
        Change::Replicas(decode, prefill) => {
            cluster.composite["spec"]["scaling"] = json!({"signal": "Fixed", "fixed": {"replicas": decode}});
            if cluster.composite["spec"].get("prefill").is_some() {
                cluster.composite["spec"]["prefill"]["scaling"]["fixed"]["replicas"] = json!(prefill);
            }
        }
        Change::Disaggregate(disaggregate) => {
            let spec = cluster.composite["spec"].as_object_mut().unwrap();
            spec.remove("prefill");
            if disaggregate {
                spec.insert("prefill".to_owned(), json!({"scaling": {"signal": "Fixed", "fixed": {"replicas": 1}}}));
            }
            spec.insert("topology".to_owned(), json!(if disaggregate { "PrefillDecode" } else { "Unified" }));
        }
        Change::Signal(signal) => {
            let wva = json!({"signal": "WVA", "wva": {"maxReplicas": 2}});
            // With PrefillDecode it is refused, and nothing changes then.
            let concurrency = json!({"signal": "Concurrency", "concurrency": {"minReplicas": 0, "maxReplicas": 2, "target": 8}});
            cluster.composite["spec"]["scaling"] = if signal == "WVA" { wva } else { concurrency };
        }
        Change::Region(at) => {
            let labels = at.map_or_else(|| json!({}), |at| json!({"modelplane.ai/region": NAMES[at]}));
            cluster.composite["spec"]["environmentSelector"] = json!({"matchLabels": labels});
        }
        Change::Profile(name) => change_model(cluster, |object| object["spec"]["serving"][0]["name"] = json!(name)),
        Change::Image(image) => change_model(cluster, |object| object["spec"]["serving"][0]["engine"]["image"] = json!(image)),
        Change::Gpus(gpus) => change_model(cluster, |object| object["spec"]["serving"][0]["resources"]["gpu"] = json!(gpus)),
        Change::Model(there) => {
            cluster.delete("ClusterModel", "llama");
            if there {
                cluster.objects.push(model());
            }
        }
        Change::ModelRef(name) => cluster.composite["spec"]["modelRef"]["name"] = json!(name),
        Change::Others(gpus, settled) => {
            for name in NAMES {
                cluster.delete("Object", &format!("another-{name}"));
                cluster.objects.push(standing("another", name, gpus, settled, "2025-01-01T00:00:00Z"));
            }
        }
        Change::Report(at, ready) => {
            for key in ["object-AT-pd", "object-AT-unified", "llmisvc-AT-pd", "llmisvc-AT-unified"].map(|key| key.replace("AT", NAMES[at]))
            {
                if cluster.composed.contains_key(&key) {
                    cluster.report(&key, ready, ready, ready);
                }
            }
        }
        Change::ForgetStatus => cluster.composite["status"] = Value::Null,
        Change::Rename(at) => {
            let other = format!("{}-renamed", NAMES[at]);
            if !exists(cluster, "InferenceEnvironment", &other) {
                change_environment(cluster, at, |object| object["metadata"]["name"] = json!(other));
            }
        }
        Change::Vanish(at) => cluster.composed.retain(|key, object| !key.contains(NAMES[at]) || object["kind"] != json!("Object")),
        Change::Core(seeds) => cluster.seeds = seeds,
        Change::Stale(stale) => cluster.stale = stale,
        Change::ForgetRecord(at) => {
            let record = cluster.composed.get_mut(&format!("object-{}-pd", NAMES[at]));
            if let Some(annotations) = record.and_then(|object| object["metadata"]["annotations"].as_object_mut()) {
                annotations.remove("modelplane.ai/placement");
            }
        }
    }
}

/// How many serving objects are ready.
fn serving(cluster: &Cluster) -> usize {
    let ready = |object: &&Value| {
        let held = object.pointer("/status/atProvider/manifest").unwrap_or(object);
        let serves = held["kind"] == json!("LLMInferenceService");
        let conditions = held.pointer("/status/conditions").and_then(Value::as_array).filter(|_| serves);
        conditions.is_some_and(|conditions| conditions.iter().any(|c| c["type"] == json!("Ready") && c["status"] == json!("True")))
    };
    cluster.composed.values().filter(ready).count()
}

/// Reconciles until nothing changes any more; what serves is counted each time.
fn settle(cluster: &mut Cluster, history: &[Change]) -> Result<(), TestCaseError> {
    for _ in 0..8 {
        let wanted = usize::try_from(cluster.composite["spec"]["environments"].as_u64().unwrap()).unwrap();
        let (before, composed) = (serving(cluster), cluster.composed.clone());
        let reconciled = cluster.reconcile();
        let panicked = reconciled.fatal().is_some_and(|message| message.contains("unexpectedly") || message.contains("would be lost"));
        prop_assert!(!panicked, "{:?} after {history:?}", reconciled.fatal());
        prop_assert!(serving(cluster) >= before.min(wanted), "{before} served, {} do after {history:?}", serving(cluster));
        let same = composed.keys().eq(cluster.composed.keys())
            && composed.iter().all(|(key, object)| object["spec"] == cluster.composed[key]["spec"]);
        if same && reconciled.results().iter().all(|(severity, _)| *severity == function_modelplane::function::proto::Severity::Fatal) {
            return Ok(());
        }
    }
    Err(TestCaseError::fail(format!("still changing after {history:?}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_serves_is_never_given_up_before_something_else_serves(changes in prop::collection::vec(change(), 1..25)) {
        let mut objects: Vec<Value> = NAMES.iter().map(|name| environment(name)).collect();
        let own = deployment(2);
        let mut second = model();
        second["metadata"]["name"] = json!("other");
        objects.extend([model(), second, own.clone()]);
        let mut cluster = Cluster::new(own, objects);
        cluster.reconcile();
        for (index, change) in changes.iter().enumerate() {
            make(&mut cluster, *change);
            cluster.create_the_rest();
            settle(&mut cluster, &changes[..=index])?;
        }
    }
}
