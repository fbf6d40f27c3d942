//! The pod of one phase, before KServe merges it over its preset.

use std::collections::BTreeMap;

use function_modelplane::api::inference_environment::Rdma;
use function_modelplane::compose::engine_pod::{EnginePod, render_pod};
use function_modelplane::domain::scheduling::sizing::PhaseSizing;
use function_modelplane::domain::spec::deployment::PhaseScaling;
use function_modelplane::domain::spec::environment::Pool;
use function_modelplane::domain::spec::model::{GpuDemand, PhaseProfile};
use serde_json::{Value, json};

/// Renders a pod with four GPUs of an engine and what an environment gives for RDMA.
fn pod(engine: Value, rdma: Option<Value>, disaggregated: bool) -> Value {
    pod_with_disk(engine, rdma, disaggregated, None)
}

/// The same with disk that the model asks for.
fn pod_with_disk(engine: Value, rdma: Option<Value>, disaggregated: bool, disk: Option<&str>) -> Value {
    let profile = PhaseProfile {
        engine: serde_json::from_value(engine).unwrap(),
        gpus: GpuDemand::Count(4),
        cpu: "8".parse().unwrap(),
        memory: "64Gi".parse().unwrap(),
        accelerator: None,
        shared_memory: None,
        ephemeral_storage: disk.map(|disk| disk.parse().unwrap()),
    };
    let scaling = PhaseScaling::Fixed { replicas: 1 };
    let sizing = PhaseSizing { pool: "p".to_owned(), accelerator: "a".to_owned(), gpus_per_replica: 4, scaling };
    let pool = Pool {
        id: "p".to_owned(),
        named: true,
        accelerator_type: "a".to_owned(),
        memory: "80Gi".parse().unwrap(),
        gpus_per_node: 8,
        nodes: 1,
        resource_name: "amd.com/gpu".to_owned(),
        node_selector: BTreeMap::from([("pool".to_owned(), "p".to_owned())]),
        tolerations: Vec::new(),
    };
    let rdma: Option<Rdma> = rdma.map(|rdma| serde_json::from_value(rdma).unwrap());
    let pod = EnginePod { profile: &profile, sizing: &sizing, pool: &pool, disaggregated, rdma: rdma.as_ref(), service_account: None };
    serde_json::to_value(render_pod(pod)).unwrap()
}

fn engine(env: &Value) -> Value {
    json!({"name": "vLLM", "image": "i", "env": env})
}

/// Names and literal values; `null` where the value comes from somewhere.
fn env(pod: &Value) -> Vec<(String, Value)> {
    let list = pod["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    list.iter().map(|variable| (variable["name"].as_str().unwrap().to_owned(), variable["value"].clone())).collect()
}

#[test]
fn variables_come_from_the_user_over_the_environment_over_us() {
    let rdma = json!({"type": "RoCE", "env": [{"name": "UCX_TLS", "value": "theirs"}, {"name": "NCCL_IB_HCA", "value": "theirs"}]});
    let pod =
        pod(engine(&json!([{"name": "NCCL_IB_HCA", "value": "users"}, {"name": "KSERVE_INFER_ROCE", "value": "false"}])), Some(rdma), true);
    let expected = [
        ("VLLM_NIXL_SIDE_CHANNEL_HOST", Value::Null),
        ("UCX_TLS", json!("theirs")),
        ("NCCL_IB_HCA", json!("users")),
        ("KSERVE_INFER_ROCE", json!("false")),
    ];
    assert_eq!(env(&pod), expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn each_kind_of_network_gets_the_variables_it_needs() {
    let nixl = ("VLLM_NIXL_SIDE_CHANNEL_HOST", Value::Null);
    let ucx = ("UCX_TLS", json!("rc,sm,self,cuda_copy,cuda_ipc"));
    let cases = [
        ("InfiniBand", vec![nixl.clone(), ucx.clone()]),
        ("RoCE", vec![nixl.clone(), ucx, ("KSERVE_INFER_ROCE", json!("true"))]),
        ("EFA", vec![nixl.clone()]),
        ("Other", vec![nixl]),
    ];
    for (kind, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(env(&pod(engine(&json!([])), Some(json!({"type": kind})), true)), expected, "{kind}");
    }
}

#[test]
fn devices_are_counted_per_pod_and_per_gpu_and_limits_are_requests() {
    let rdma = json!({"type": "EFA", "resources": {"rdma/shared": 1, "vpc.amazonaws.com/efa": 1}, "resourcesPerGpu": {"vpc.amazonaws.com/efa": 2}});
    let resources = pod(engine(&json!([])), Some(rdma), true)["containers"][0]["resources"].clone();
    let expected = json!({"cpu": "8", "memory": "64Gi", "amd.com/gpu": "4", "rdma/shared": "1", "vpc.amazonaws.com/efa": "9"});
    assert_eq!(resources, json!({"requests": expected, "limits": expected}));
}

/// A limit would have the kubelet kill an engine for what it writes beside the weights.
#[test]
fn disk_is_asked_for_and_not_limited() {
    let pod = pod_with_disk(engine(&json!([])), None, false, Some("900Gi"));
    let limits = json!({"amd.com/gpu": "4", "cpu": "8", "memory": "64Gi"});
    let mut requests = limits.clone();
    requests["ephemeral-storage"] = json!("900Gi");
    assert_eq!(pod["containers"][0]["resources"], json!({"limits": limits, "requests": requests}));
}

#[test]
fn rdma_reaches_the_pod_whole() {
    let rdma = json!({
        "type": "Other", "nodeSelector": {"fabric": "a"},
        "volumes": [{"name": "gib", "hostPath": {"path": "/home/kubernetes/bin/gib"}}],
        "volumeMounts": [{"name": "gib", "mountPath": "/usr/local/gib"}],
    });
    let pod = pod(engine(&json!([])), Some(rdma), true);
    assert_eq!(pod["nodeSelector"], json!({"pool": "p", "fabric": "a"}));
    assert_eq!(pod["containers"][0]["volumeMounts"], json!([{"name": "gib", "mountPath": "/usr/local/gib"}]));
    assert_eq!(
        pod["volumes"],
        json!([
            {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}},
            {"name": "gib", "hostPath": {"path": "/home/kubernetes/bin/gib"}},
        ])
    );
    assert_eq!(pod["containers"][0]["securityContext"]["capabilities"], json!({"add": ["IPC_LOCK"]}), "RDMA pins memory");
}

#[test]
fn a_unified_pod_gets_nothing_of_rdma() {
    let rdma = json!({"type": "RoCE", "resources": {"rdma/ib": 1}, "nodeSelector": {"fabric": "a"}, "env": [{"name": "A", "value": "b"}]});
    assert_eq!(pod(engine(&json!([])), Some(rdma), false), pod(engine(&json!([])), None, false));
}

#[test]
fn the_startup_budget_is_rounded_up_to_the_probes_period() {
    let cases = [(json!(10), 1), (json!(601), 61), (json!(1800), 180), (Value::Null, 360)];
    for (seconds, failures) in cases {
        let mut engine = engine(&json!([]));
        engine["startupTimeoutSeconds"] = seconds;
        let probe = pod(engine, None, false)["containers"][0]["startupProbe"].clone();
        assert_eq!(probe, json!({"periodSeconds": 10, "failureThreshold": failures}));
    }
}
