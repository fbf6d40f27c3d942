//! Objects that the tests of the function start from: the proposal's own, with environments as they are after their reconcile.

use serde_json::{Value, json};

use super::cluster::Cluster;

/// An engine of prefill where it has one GPU, else of decode.
pub(super) fn engine(tensor_parallel: u32) -> Value {
    let role = if tensor_parallel == 1 { "kv_producer" } else { "kv_consumer" };
    json!({"name": "vLLM", "image": "vllm/vllm-openai:v0.32.0", "args": [
        format!("--tensor-parallel-size={tensor_parallel}"),
        format!(r#"--kv-transfer-config={{"kv_connector":"NixlConnector","kv_role":"{role}"}}"#),
    ]})
}

/// A model with a disaggregated and a unified profile.
pub(crate) fn model() -> Value {
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "ClusterModel", "metadata": {"name": "llama"},
        "spec": {
            "model": {"name": "meta-llama/Llama"}, "source": "HuggingFace", "huggingFace": {"repo": "meta-llama/Llama"},
            "resources": {"vram": "140Gi"},
            "serving": [
                {"name": "disagg", "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
                 "engine": engine(4), "resources": {"gpu": 4, "cpu": "16", "memory": "64Gi"},
                 "prefill": {"engine": engine(1), "resources": {"gpu": 1, "cpu": "8", "memory": "32Gi"}}},
                {"name": "plain", "engine": engine(4), "resources": {"gpu": 4}},
            ],
        },
    })
}

/// An environment on another cluster, with RDMA and two nodes of eight GPUs.
pub(crate) fn environment(name: &str) -> Value {
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "InferenceEnvironment",
        "metadata": {"name": name, "labels": {"modelplane.ai/rdma": "true", "modelplane.ai/region": name},
                     "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]},
        "spec": {"cluster": {"source": "Existing", "existing": {"secretRef": {"name": format!("{name}-kubeconfig")}}},
                 "rdma": {"type": "InfiniBand", "resources": {"rdma/ib": 1}}},
        "status": {"providerConfigRef": {"name": format!("{name}-cluster-kubeconfig")},
                   "capacity": {"gpuPools": [{"name": "h200", "acceleratorType": "nvidia-h200", "memory": "141Gi", "countPerNode": 8, "nodes": 2}]}},
    })
}

/// A disaggregated deployment to so many environments: 2 x 4 GPUs decode, 4 x 1 GPUs prefill in each.
pub(crate) fn deployment(environments: u32) -> Value {
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment",
        "metadata": {"name": "chat", "namespace": "team", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "modelRef": {"kind": "ClusterModel", "name": "llama"}, "environments": environments, "topology": "PrefillDecode",
            "scaling": {"signal": "Fixed", "fixed": {"replicas": 2}},
            "prefill": {"scaling": {"signal": "Fixed", "fixed": {"replicas": 4}}},
            "crossplane": {"compositionRef": {"name": "modeldeployments.modelplane.ai"}},
        },
    })
}

/// What serves another deployment on an environment with so many GPUs, as Crossplane and provider-kubernetes have it.
pub(super) fn standing(name: &str, environment: &str, gpus: u32, settled: bool, created: &str) -> Value {
    let phase = json!({"pool": "h200", "gpusPerReplica": 1, "replicas": gpus});
    let record = json!({"model": {"kind": "ClusterModel", "name": "llama"}, "profile": "plain", "decode": phase, "created": created,
                        "settled": settled});
    json!({
        "apiVersion": "kubernetes.m.crossplane.io/v1alpha1", "kind": "Object",
        "metadata": {
            "name": format!("{name}-{environment}"), "namespace": "team", "uid": format!("uid-of-{name}-{environment}"),
            "labels": {"modelplane.ai/environment": environment}, "annotations": {"modelplane.ai/placement": record.to_string()},
            "ownerReferences": [{"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment", "name": name,
                                 "uid": format!("uid-of-{name}"), "controller": true}],
        },
        "spec": {"forProvider": {"manifest": {
            "apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService", "metadata": {"name": name},
            "spec": {"replicas": gpus, "template": {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}},
        }}},
        "status": {"conditions": [{"type": "Synced", "status": "True", "reason": "ReconcileSuccess"}]},
    })
}

/// The deployment, the model and two environments.
pub(super) fn cluster(environments: u32) -> Cluster {
    let deployment = deployment(environments);
    let mut cluster = Cluster::new(deployment.clone(), vec![model(), environment("east"), environment("west"), deployment]);
    cluster.sum_up();
    cluster
}

/// The same after the deployment has been placed on both environments, is ready and settled.
pub(super) fn settled() -> Cluster {
    let mut cluster = cluster(2);
    cluster.reconcile();
    cluster.create_the_rest();
    for key in ["object-east-pd", "object-west-pd"] {
        cluster.report(key, true, true, true);
    }
    cluster.reconcile();
    cluster
}
