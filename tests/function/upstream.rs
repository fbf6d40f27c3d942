//! Modelplane's own API keeps its meaning: manifests with the fields and values of its examples do here what they did there.

use bytes::Bytes;
use function_modelplane::function::proto::Resource;
use function_modelplane::structs::to_struct;
use serde_json::{Value, json};

use super::cluster::Cluster;

/// One of the manifests, which the end-to-end tests hold against the schemas too.
fn manifest(name: &str) -> Value {
    let all: Vec<Value> = serde_json::from_str(include_str!("upstream.json")).unwrap();
    all.into_iter().find(|object| object["metadata"]["name"] == json!(name)).unwrap()
}

/// A catalog entry that says nothing of topology, GPUs or per-pod resources.
fn model() -> Value {
    manifest("qwen-2-5-0-5b")
}

fn deployment() -> Value {
    manifest("qwen-demo")
}

fn existing() -> Value {
    manifest("byo-us-east")
}

fn gke() -> Value {
    manifest("gke-us-central")
}

/// The status that whoever provisions a GKE cluster writes: pools without names.
fn provisioned() -> Value {
    let mut environment = gke();
    environment["status"] = json!({
        "namespace": "modelplane-system",
        "providerConfigRef": {"name": "gke-us-central-cluster-kubeconfig"},
        "gateway": {"address": "10.1.2.3"},
        "capacity": {"gpuPools": [{"acceleratorType": "nvidia-l4", "memory": "24Gi", "countPerNode": 1, "nodes": 4}]},
    });
    environment
}

/// The sum of an environment with one pool that nobody was promised anything of.
fn free(pool: &str, total: u32) -> Value {
    let gpus = json!({"total": total, "held": 0, "free": total, "missing": 0});
    json!({"placements": 0, "unlabelled": 0, "gpus": gpus, "pools": [{"name": pool, "gpus": gpus}]})
}

#[test]
fn an_existing_cluster_gets_its_provider_config_and_capacity() {
    let reconciled = Cluster::new(existing(), Vec::new()).reconcile();
    let secret = |name: &str| json!({"namespace": "modelplane-system", "name": name, "key": "kubeconfig"});
    assert_eq!(
        json!(reconciled.desired()),
        json!({"cluster-provider-config-kubernetes": {
            "apiVersion": "kubernetes.m.crossplane.io/v1alpha1", "kind": "ClusterProviderConfig",
            "metadata": {"name": "byo-us-east-cluster-kubeconfig"},
            "spec": {"credentials": {"source": "Secret", "secretRef": secret("byo-cluster-kubeconfig")}},
        }})
    );
    assert_eq!(
        reconciled.status(),
        json!({
            "providerConfigRef": {"name": "byo-us-east-cluster-kubeconfig"}, "namespace": "modelplane-system",
            "capacity": {"gpuPools": [{"name": "gpu-h100", "acceleratorType": "nvidia-h100-80gb", "memory": "80Gi",
                                       "countPerNode": 8, "nodes": 2, "resourceName": "nvidia.com/gpu"}]},
            "cluster": {"name": "byo-cluster-kubeconfig", "key": "kubeconfig"},
            "ledger": free("gpu-h100", 16),
        })
    );
}

#[test]
fn a_model_without_topology_is_served_unified_with_the_gpus_its_vram_needs() {
    let mut environments = Cluster::new(existing(), Vec::new());
    environments.reconcile();
    let mut cluster = Cluster::new(deployment(), vec![model(), environments.composite]);
    let reconciled = cluster.reconcile();
    let resources = json!({"cpu": "3", "memory": "10Gi", "nvidia.com/gpu": "1"});
    assert_eq!(
        reconciled.desired()["object-byo-us-east-unified"]["spec"],
        json!({
            "providerConfigRef": {"kind": "ClusterProviderConfig", "name": "byo-us-east-cluster-kubeconfig"},
            "readiness": {"policy": "DeriveFromObject"},
            "forProvider": {"manifest": {
                "apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService",
                "metadata": {"name": "qwen-demo-unified", "namespace": "ml-team"},
                "spec": {
                    "model": {"uri": "hf://Qwen/Qwen2.5-0.5B-Instruct", "name": "Qwen/Qwen2.5-0.5B-Instruct"},
                    "replicas": 1,
                    "labels": {"inference.optimization/acceleratorName": "nvidia-h100-80gb"},
                    "router": {"route": {}, "gateway": {}},
                    "template": {
                        "containers": [{
                            "name": "main", "image": "vllm/vllm-openai:v0.7.3",
                            "resources": {"requests": resources, "limits": resources},
                            "startupProbe": {"failureThreshold": 360, "periodSeconds": 10},
                            "securityContext": {"runAsNonRoot": false, "runAsUser": 0, "readOnlyRootFilesystem": false},
                        }],
                        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "10Gi"}}],
                    },
                },
            }},
        })
    );
}

#[test]
fn a_gke_cluster_that_another_function_provisioned_is_used_as_its_status_says() {
    let mut cluster = Cluster::new(deployment(), vec![model(), provisioned()]);
    let item = cluster.reconcile().status()["placements"]["items"][0].clone();
    assert_eq!((&item["environment"], &item["decode"]["pool"]), (&json!("gke-us-central"), &json!("nvidia-l4")));
    assert_eq!(item["decode"]["gpusPerReplica"], json!(1));
}

#[test]
fn a_gke_cluster_that_nobody_provisioned_is_not_ready_for_anything() {
    let mut cluster = Cluster::new(deployment(), vec![model(), gke()]);
    let rejected = cluster.reconcile().status()["scheduling"]["rejected"].clone();
    assert_eq!(rejected[0]["reason"], json!("NotReady"));
    let own = Cluster::new(gke(), Vec::new()).reconcile();
    assert!(own.held_back() && own.fatal().is_none(), "without any composed resource it would be Ready");
    assert_eq!(own.conditions(), vec![("EnvironmentValid".to_owned(), "False", "NotProvisioned".to_owned())]);
}

#[test]
fn a_gke_cluster_that_was_provisioned_before_is_valid_and_keeps_its_status() {
    let own = Cluster::new(provisioned(), Vec::new()).reconcile();
    assert_eq!(own.conditions(), vec![("EnvironmentValid".to_owned(), "True", "Valid".to_owned())]);
    assert!(!own.held_back(), "it is used, so it is ready");
    let mut kept = provisioned()["status"].clone();
    kept["ledger"] = free("nvidia-l4", 4);
    assert_eq!(own.status(), kept, "a field that is not repeated is gone");
}

#[test]
fn what_an_earlier_step_reports_of_a_gke_cluster_passes_through() {
    let mut cluster = Cluster::new(provisioned(), Vec::new());
    let moved =
        json!({"apiVersion": "modelplane.ai/v1alpha1", "kind": "InferenceEnvironment", "status": {"gateway": {"address": "10.9.9.9"}}});
    cluster.earlier.composite = Some(Resource { resource: Some(to_struct(&moved).unwrap()), ..Resource::default() });
    cluster.earlier.resources.insert("gke-cluster".to_owned(), Resource { resource: Some(Bytes::new()), ..Resource::default() });
    let mut summed = moved["status"].clone();
    summed["ledger"] = free("nvidia-l4", 4);
    assert_eq!(cluster.dry_run().status(), summed);
}

#[test]
fn a_deployment_that_scales_on_concurrency_means_what_it_meant() {
    let reconciled = Cluster::new(manifest("qwen-prod"), vec![model(), provisioned()]).reconcile();
    let scaled = reconciled.desired()["object-scaledobject-gke-us-central-unified"]["spec"]["forProvider"]["manifest"]["spec"].clone();
    assert_eq!(
        (&scaled["minReplicaCount"], &scaled["maxReplicaCount"], &scaled["pollingInterval"], &scaled["cooldownPeriod"]),
        (&json!(1), &json!(5), &json!(15), &json!(300))
    );
    assert_eq!(scaled["triggers"][0]["metadata"]["threshold"], json!("7"), "70 % of 10 requests");
}

#[test]
fn a_status_that_an_earlier_step_writes_is_newer_than_the_one_before() {
    let mut cluster = Cluster::new(provisioned(), Vec::new());
    let written = json!({"status": {"providerConfigRef": {"name": "a-new-one"}}});
    let composite = Resource { resource: Some(to_struct(&written).unwrap()), ..Resource::default() };
    cluster.earlier.composite = Some(composite);
    let reconciled = cluster.dry_run();
    assert_eq!(reconciled.status(), json!({"providerConfigRef": {"name": "a-new-one"}, "ledger": free("nvidia-l4", 4)}));
    assert_eq!(reconciled.conditions(), vec![("EnvironmentValid".to_owned(), "True", "Valid".to_owned())]);
}

#[test]
fn a_cluster_that_another_function_composed_is_not_deleted() {
    let mut cluster = Cluster::new(provisioned(), Vec::new());
    cluster.composed.insert("gke-cluster".to_owned(), json!({"kind": "GKECluster", "metadata": {"name": "gke-us-central"}}));
    assert!(cluster.reconcile().fatal().unwrap().starts_with("cannot take over: gke-cluster (GKECluster gke-us-central) would be deleted"));
}
