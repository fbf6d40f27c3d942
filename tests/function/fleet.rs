//! Objects that the tests of the function start from: the proposal's own, with environments as they are after their reconcile.

use serde_json::{Value, json};

use super::cluster::Cluster;

pub(super) fn engine(tensor_parallel: u32) -> Value {
    json!({"name": "vLLM", "image": "vllm/vllm-openai:v0.19.0", "args": [
        format!("--tensor-parallel-size={tensor_parallel}"),
        r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}"#,
    ]})
}

/// A model with a disaggregated and a unified profile.
pub(super) fn model() -> Value {
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
pub(super) fn environment(name: &str) -> Value {
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
pub(super) fn deployment(environments: u32) -> Value {
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

/// The deployment, the model and two environments.
pub(super) fn cluster(environments: u32) -> Cluster {
    let deployment = deployment(environments);
    Cluster::new(deployment.clone(), vec![model(), environment("east"), environment("west"), deployment])
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
