//! Scaling on requests in flight: KEDA owns the number of replicas, and nobody else writes it.

use function_modelplane::function::proto::Severity;
use serde_json::{Value, json};

use super::cluster::{Cluster, Reconciled};
use super::fleet::{deployment, environment, model};

const SCALED: &str = "object-scaledobject-east-unified";

/// A unified deployment that scales on requests in flight, and one environment.
fn cluster(concurrency: &Value) -> Cluster {
    let mut own = deployment(1);
    let spec = own["spec"].as_object_mut().unwrap();
    spec.remove("prefill");
    spec.insert("topology".to_owned(), json!("Unified"));
    spec.insert("scaling".to_owned(), json!({"signal": "Concurrency", "concurrency": concurrency}));
    Cluster::new(own.clone(), vec![model(), environment("east"), own])
}

/// The same, placed and ready.
fn serving(concurrency: &Value) -> Cluster {
    let mut cluster = cluster(concurrency);
    cluster.reconcile();
    cluster.create_the_rest();
    cluster.report("object-east-unified", true, true, true);
    cluster.reconcile();
    cluster
}

fn manifest(reconciled: &Reconciled, key: &str) -> Value {
    reconciled.desired()[key]["spec"]["forProvider"]["manifest"].clone()
}

#[test]
fn keda_scales_the_deployment_that_kserve_makes_on_every_rule_of_its_route() {
    let reconciled = cluster(&json!({"minReplicas": 1, "maxReplicas": 3, "target": 10})).reconcile();
    let object = reconciled.desired()[SCALED].clone();
    assert_eq!(object["spec"]["readiness"], json!({"policy": "DeriveFromObject"}), "a ScaledObject has a condition Ready");
    assert_eq!(object["spec"]["providerConfigRef"]["name"], json!("east-cluster-kubeconfig"));
    assert_eq!(
        manifest(&reconciled, SCALED),
        json!({
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "chat-unified", "namespace": "team"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat-unified-kserve"},
                "minReplicaCount": 1, "maxReplicaCount": 3, "pollingInterval": 15, "cooldownPeriod": 300,
                "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}}}},
                "triggers": [{"type": "prometheus", "metadata": {
                    "serverAddress": "https://prometheus-prometheus.monitoring.svc:9090", "unsafeSsl": "true", "threshold": "7",
                    "query": "sum(envoy_cluster_upstream_rq_active{envoy_cluster_name=~\"httproute/team/chat-unified-kserve-route/rule/[0-9]+\"})",
                }}],
            },
        })
    );
    let spec = manifest(&reconciled, "object-east-unified")["spec"].clone();
    assert_eq!((&spec["replicas"], &spec["scaling"]), (&Value::Null, &Value::Null), "KServe would fight with KEDA over the number");
    let item = reconciled.status()["placements"]["items"][0].clone();
    assert_eq!(item["decode"], json!({"pool": "h200", "gpusPerReplica": 4, "replicas": 1, "maxReplicas": 3, "ready": false}));
}

#[test]
fn on_the_control_planes_own_cluster_nothing_is_wrapped() {
    let mut cluster = cluster(&json!({"maxReplicas": 3, "target": 1, "utilization": 1, "scaleDownDelay": 7200}));
    cluster.change("InferenceEnvironment", "east", |object| object["spec"]["cluster"] = json!({"source": "Local"}));
    let asked = json!({"serverAddress": "http://prometheus.team:9090"});
    cluster.input = Some(json!({"prometheus": asked}));
    let scaled = cluster.reconcile().desired()["scaledobject-east-unified"].clone();
    assert_eq!((&scaled["kind"], &scaled["metadata"]["name"]), (&json!("ScaledObject"), &json!("chat-unified")));
    let trigger = scaled["spec"]["triggers"][0]["metadata"].clone();
    assert_eq!((&trigger["serverAddress"], trigger.get("unsafeSsl")), (&asked["serverAddress"], None), "a certificate is verified");
    assert_eq!(trigger["threshold"], json!("1"), "a hundredth of one request would scale on nothing");
    assert_eq!(scaled["spec"]["cooldownPeriod"], json!(7200));
    let window = scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"].clone();
    assert_eq!(window, json!(3600), "Kubernetes refuses more");
}

#[test]
fn scaling_to_zero_holds_one_replica_and_is_warned_of_once() {
    let mut cluster = cluster(&json!({"minReplicas": 0, "maxReplicas": 2, "target": 10}));
    let placed = cluster.reconcile();
    assert_eq!(manifest(&placed, SCALED)["spec"]["minReplicaCount"], json!(0));
    assert_eq!(placed.status()["placements"]["items"][0]["decode"]["replicas"], json!(1), "it starts with one, which must fit");
    let said = "east: minReplicas is 0, and a gateway has no requests in flight to what has no replica, so nothing brings the model back \
                from zero; set minReplicas to 1, or scale it up by hand";
    assert_eq!(
        placed.results(),
        vec![(Severity::Normal, "PlacementsScheduled: 1/1 placed".to_owned()), (Severity::Warning, said.to_owned())]
    );
    assert_eq!(cluster.reconcile().results(), vec![]);
}

#[test]
fn the_deployment_is_not_ready_before_its_autoscaler_is() {
    let mut cluster = serving(&json!({"maxReplicas": 3, "target": 10}));
    let ready = |cluster: &Cluster| {
        let resources = cluster.dry_run().response.desired.unwrap().resources;
        resources[SCALED].ready() == function_modelplane::function::proto::Ready::True
    };
    assert!(ready(&cluster));
    cluster.composed.get_mut(SCALED).unwrap()["status"]["conditions"][0]["status"] = json!("False");
    assert!(!ready(&cluster));
}

#[test]
fn to_fixed_and_back_changes_the_number_and_the_autoscaler_alone() {
    let concurrency = json!({"maxReplicas": 3, "target": 10});
    let mut cluster = serving(&concurrency);
    let before = cluster.reconcile();
    let scaling = cluster.composite["spec"]["scaling"].clone();
    cluster.composite["spec"]["scaling"] = json!({"signal": "Fixed", "fixed": {"replicas": 2}});
    let fixed = cluster.reconcile();
    assert_eq!(fixed.fatal(), None);
    let mut keys: Vec<String> = before.desired().into_keys().collect();
    keys.retain(|key| key != SCALED);
    assert_eq!(fixed.desired().into_keys().collect::<Vec<_>>(), keys);
    let mut spec = manifest(&fixed, "object-east-unified")["spec"].clone();
    assert_eq!(spec.as_object_mut().unwrap().remove("replicas"), Some(json!(2)));
    assert_eq!(spec, manifest(&before, "object-east-unified")["spec"]);
    cluster.composite["spec"]["scaling"] = scaling;
    cluster.reconcile();
    cluster.create_the_rest();
    assert_eq!(cluster.reconcile().desired(), before.desired());
}

/// A frozen placement serves on, so it is scaled on.
#[test]
fn what_is_frozen_keeps_its_autoscaler() {
    let mut cluster = serving(&json!({"maxReplicas": 3, "target": 10}));
    let before = manifest(&cluster.reconcile(), SCALED);
    cluster.delete("InferenceEnvironment", "east");
    cluster.objects.push(environment("west"));
    let moving = cluster.reconcile();
    assert_eq!(moving.status()["placements"]["items"][0]["reason"], json!("EnvironmentGone"));
    assert_eq!(manifest(&moving, SCALED), before);
    assert!(moving.desired().contains_key("object-scaledobject-west-unified"));
    cluster.create_the_rest();
    cluster.report("object-west-unified", true, true, true);
    let moved = cluster.reconcile();
    assert!(!moved.desired().contains_key(SCALED), "it leaves together with what it scales: {:?}", moved.desired().keys());
}

/// A switch to PrefillDecode leaves the old placement serving, and nothing scales the new one.
#[test]
fn a_switch_of_topology_keeps_the_autoscaler_of_the_old_one_until_the_end() {
    let mut cluster = serving(&json!({"maxReplicas": 3, "target": 10}));
    cluster.composite["spec"] = deployment(1)["spec"].clone();
    cluster.composite["spec"]["scaling"]["fixed"]["replicas"] = json!(1);
    let switching = cluster.reconcile();
    let expected = ["namespace-east", "object-east-pd", "object-east-unified", SCALED];
    assert_eq!(switching.desired().into_keys().collect::<Vec<_>>(), expected);
    cluster.create_the_rest();
    cluster.report("object-east-pd", true, true, true);
    assert_eq!(cluster.reconcile().desired().into_keys().collect::<Vec<_>>(), ["namespace-east", "object-east-pd"]);
}
