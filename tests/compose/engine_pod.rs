//! The pod of one phase, before KServe merges it over its preset.

use std::collections::BTreeMap;

use function_modelplane::api::inference_environment::Rdma;
use function_modelplane::api::pod_overlay::PodOverlay;
use function_modelplane::compose::engine_pod::{EnginePod, RenderedPod, render_pod};
use function_modelplane::domain::fabric::settings;
use function_modelplane::domain::scheduling::sizing::PhaseSizing;
use function_modelplane::domain::spec::deployment::PhaseScaling;
use function_modelplane::domain::spec::environment::{GpuRequest, Pool};
use function_modelplane::domain::spec::model::{GpuDemand, PhaseProfile};
use serde_json::{Value, json};

/// What a pod of four GPUs is made of.
struct Wanted {
    engine: Value,
    rdma: Option<Value>,
    /// The environment's overlay.
    overlay: Option<Value>,
    disaggregated: bool,
    /// What the GPUs go by.
    request: GpuRequest,
    /// Disk that the model asks for.
    disk: Option<&'static str>,
}

fn rendered(wanted: Wanted) -> RenderedPod {
    let profile = PhaseProfile {
        engine: serde_json::from_value(wanted.engine).unwrap(),
        gpus: GpuDemand::Count(4),
        cpu: "8".parse().unwrap(),
        memory: "64Gi".parse().unwrap(),
        accelerator: None,
        shared_memory: None,
        ephemeral_storage: wanted.disk.map(|disk| disk.parse().unwrap()),
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
        request: wanted.request,
        node_selector: BTreeMap::from([("pool".to_owned(), "p".to_owned())]),
        tolerations: Vec::new(),
    };
    let rdma: Option<Rdma> = wanted.rdma.map(|rdma| serde_json::from_value(rdma).unwrap());
    let overlay: Option<PodOverlay> = wanted.overlay.map(|overlay| serde_json::from_value(overlay).unwrap());
    render_pod(EnginePod {
        profile: &profile,
        sizing: &sizing,
        pool: &pool,
        disaggregated: wanted.disaggregated,
        rdma: rdma.as_ref(),
        settings: &rdma.as_ref().map(|rdma| settings(pool.vendor(), rdma.kind)).unwrap_or_default(),
        overlay: overlay.as_ref(),
        service_account: None,
    })
}

fn nvidia() -> GpuRequest {
    GpuRequest::Counted("nvidia.com/gpu".to_owned())
}

/// A pod of an engine and what an environment gives for RDMA.
fn pod(engine: Value, rdma: Option<Value>, disaggregated: bool) -> Value {
    let wanted = Wanted { engine, rdma, overlay: None, disaggregated, request: nvidia(), disk: None };
    serde_json::to_value(rendered(wanted).spec).unwrap()
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
        ("UCX_NET_DEVICES", json!("all")),
        ("UCX_TLS", json!("theirs")),
        ("NCCL_IB_HCA", json!("users")),
        ("KSERVE_INFER_ROCE", json!("false")),
    ];
    assert_eq!(env(&pod), expected.map(|(name, value)| (name.to_owned(), value)));
}

/// The cells of the issue that people met: each vendor's engines with each type of network.
#[test]
fn each_vendor_and_network_gets_the_variables_that_fit_it() {
    let ucx = ("UCX_TLS", "rc,sm,self,cuda_copy,cuda_ipc");
    // Without the second the presets before KServe v0.20 would use one device of eight.
    let roce = [("KSERVE_INFER_ROCE", "true"), ("UCX_NET_DEVICES", "all")];
    let claimed = GpuRequest::Claimed("one-gpu".to_owned());
    let counted = |name: &str| GpuRequest::Counted(name.to_owned());
    let cases = [
        (nvidia(), "InfiniBand", vec![ucx]),
        (nvidia(), "RoCE", [&[ucx], roce.as_slice()].concat()),
        (nvidia(), "EFA", vec![]),
        (nvidia(), "Other", vec![]),
        (counted("nvidia.com/gpu.shared"), "InfiniBand", vec![ucx]),
        (counted("nvidia.com/mig-3g.40gb"), "InfiniBand", vec![]),
        (counted("nvidia.com/mig-3g.40gb"), "RoCE", roce.to_vec()),
        (counted("amd.com/gpu"), "InfiniBand", vec![]),
        (counted("amd.com/gpu"), "RoCE", roce.to_vec()),
        (counted("habana.ai/gaudi"), "RoCE", roce.to_vec()),
        (counted("habana.ai/gaudi"), "InfiniBand", vec![]),
        (counted("gpu.intel.com/i915"), "InfiniBand", vec![]),
        (counted("gpu.intel.com/xe"), "RoCE", roce.to_vec()),
        (counted("google.com/tpu"), "Other", vec![]),
        (counted("example.com/npu"), "InfiniBand", vec![]),
        (claimed.clone(), "InfiniBand", vec![]),
        (claimed, "RoCE", roce.to_vec()),
    ];
    for (request, kind, expected) in cases {
        let what = format!("{request:?} {kind}");
        let wanted = Wanted {
            engine: engine(&json!([])),
            rdma: Some(json!({"type": kind})),
            overlay: None,
            disaggregated: true,
            request,
            disk: None,
        };
        let pod = serde_json::to_value(rendered(wanted).spec).unwrap();
        let ours = expected.into_iter().map(|(name, value)| (name, json!(value)));
        let expected: Vec<_> = std::iter::once(("VLLM_NIXL_SIDE_CHANNEL_HOST", Value::Null)).chain(ours).collect();
        assert_eq!(env(&pod), expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Vec<_>>(), "{what}");
        assert_eq!(pod["containers"][0]["securityContext"]["capabilities"], json!({"add": ["IPC_LOCK"]}), "{what}: RDMA pins memory");
    }
}

#[test]
fn devices_are_counted_per_pod_and_per_gpu_and_limits_are_requests() {
    let rdma = json!({
        "type": "EFA", "resources": {"rdma/shared": 1, "vpc.amazonaws.com/efa": 1, "hugepages-2Mi": "5120Mi"},
        "resourcesPerGpu": {"vpc.amazonaws.com/efa": 2},
    });
    let resources = pod(engine(&json!([])), Some(rdma), true)["containers"][0]["resources"].clone();
    let expected = json!({"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "4", "rdma/shared": "1", "vpc.amazonaws.com/efa": "9", "hugepages-2Mi": "5120Mi"});
    assert_eq!(resources, json!({"requests": expected, "limits": expected}));
}

/// A limit would have the kubelet kill an engine for what it writes beside the weights.
#[test]
fn disk_is_asked_for_and_not_limited() {
    let wanted =
        Wanted { engine: engine(&json!([])), rdma: None, overlay: None, disaggregated: false, request: nvidia(), disk: Some("900Gi") };
    let pod = serde_json::to_value(rendered(wanted).spec).unwrap();
    let limits = json!({"nvidia.com/gpu": "4", "cpu": "8", "memory": "64Gi"});
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

fn overlaid(environment: Option<Value>, engines: Option<Value>, rdma: Option<Value>) -> RenderedPod {
    let mut engine = engine(&json!([]));
    engine["pod"] = engines.unwrap_or_default();
    rendered(Wanted { engine, disaggregated: rdma.is_some(), rdma, overlay: environment, request: nvidia(), disk: None })
}

/// Every field of an overlay, and what the pod makes of it.
#[test]
fn an_overlay_reaches_the_pod_whole() {
    let overlay = json!({
        "labels": {"team": "a"},
        "annotations": {"example.com/note": "b"},
        "securityContext": {"fsGroup": 1000, "supplementalGroups": [107]},
        "containerSecurityContext": {"privileged": true},
        "imagePullSecrets": [{"name": "registry"}],
        "resourceClaims": [
            {"name": "nic", "resourceClaimTemplateName": "one-nic", "per": "GPU", "request": "nic"},
            {"name": "imex", "resourceClaimName": "imex"},
        ],
        "resources": {"hugepages-1Gi": "2Gi", "example.com/device": 1},
        "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "priorityClassName": "high", "schedulerName": "kai", "runtimeClassName": "nvidia",
        "volumes": [{"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}}],
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
        "initContainers": [{"name": "tune", "image": "tune", "command": ["tune"]}],
        "containers": [{"name": "exporter", "image": "exporter"}],
        "hostNetwork": true, "hostIPC": true, "terminationGracePeriodSeconds": 120,
    });
    let pod = overlaid(None, Some(overlay), None);
    assert_eq!(pod.labels, BTreeMap::from([("team".to_owned(), "a".to_owned())]));
    assert_eq!(pod.annotations, BTreeMap::from([("example.com/note".to_owned(), "b".to_owned())]));
    let asked = json!({
        "cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "4",
        "hugepages-1Gi": "2Gi", "example.com/device": "1",
    });
    let nic = |gpu: u32| json!({"name": format!("nic-{gpu}"), "resourceClaimTemplateName": "one-nic"});
    let reference = |gpu: u32| json!({"name": format!("nic-{gpu}"), "request": "nic"});
    assert_eq!(
        serde_json::to_value(pod.spec).unwrap(),
        json!({
            "containers": [
                {
                    "name": "main", "image": "i",
                    "resources": {
                        "requests": asked, "limits": asked,
                        "claims": [reference(0), reference(1), reference(2), reference(3), {"name": "imex"}],
                    },
                    "securityContext": {
                        "runAsUser": 0, "runAsNonRoot": false, "readOnlyRootFilesystem": false,
                        "privileged": true, "allowPrivilegeEscalation": true,
                    },
                    "startupProbe": {"periodSeconds": 10, "failureThreshold": 360},
                    "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                },
                {"name": "exporter", "image": "exporter"},
            ],
            "initContainers": [{"name": "tune", "image": "tune", "command": ["tune"]}],
            "resourceClaims": [nic(0), nic(1), nic(2), nic(3), {"name": "imex", "resourceClaimName": "imex"}],
            "securityContext": {"fsGroup": 1000, "supplementalGroups": [107]},
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"pool": "p", "zone": "a"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
            "priorityClassName": "high", "schedulerName": "kai", "runtimeClassName": "nvidia",
            "hostNetwork": true, "hostIPC": true, "dnsPolicy": "ClusterFirstWithHostNet", "terminationGracePeriodSeconds": 120,
            "volumes": [
                {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}},
                {"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}},
            ],
        })
    );
}

/// The engine's word over the environment's; what RDMA needs is between them.
#[test]
fn the_engine_is_laid_over_rdma_over_the_environment_over_us() {
    let environment = json!({
        "labels": {"a": "environment", "b": "environment"}, "annotations": {"n": "environment", "m": "environment"},
        "resources": {"rdma/ib": 1, "hugepages-2Mi": "2Mi", "example.com/a": 1},
        "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
        "volumes": [{"name": "v", "hostPath": {"path": "/environment"}}, {"name": "w", "hostPath": {"path": "/w"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/w"}],
        "containers": [{"name": "side", "image": "environment", "env": [{"name": "A", "value": "lost with the rest"}]}],
        "securityContext": {"fsGroup": 1, "runAsGroup": 1}, "containerSecurityContext": {"runAsUser": 1000, "capabilities": {"add": ["SYS_NICE"]}},
        "tolerations": [{"key": "a", "operator": "Exists"}], "priorityClassName": "low", "schedulerName": "kai",
        "nodeSelector": {"zone": "a", "pool": "p"},
    });
    let rdma = json!({
        "type": "InfiniBand", "resources": {"rdma/ib": 2}, "annotations": {"n": "rdma", "o": "rdma"}, "nodeSelector": {"fabric": "a"},
        "volumes": [{"name": "v", "hostPath": {"path": "/rdma"}}],
    });
    let engine = json!({
        "labels": {"b": "engine"}, "annotations": {"o": "engine"}, "resources": {"hugepages-2Mi": "4Mi"},
        "imagePullSecrets": [{"name": "two"}, {"name": "three"}],
        "volumes": [{"name": "w", "emptyDir": {}}], "volumeMounts": [{"name": "w", "mountPath": "/w", "readOnly": true}],
        "containers": [{"name": "side", "image": "engine"}],
        "securityContext": {"fsGroup": 2}, "containerSecurityContext": {"capabilities": {"add": ["SYS_PTRACE"]}},
        "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}], "priorityClassName": "high",
    });
    let pod = overlaid(Some(environment), Some(engine), Some(rdma));
    let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>();
    assert_eq!(pod.labels, text(&[("a", "environment"), ("b", "engine")]));
    assert_eq!(pod.annotations, text(&[("m", "environment"), ("n", "rdma"), ("o", "engine")]));
    let pod = serde_json::to_value(pod.spec).unwrap();
    let main = &pod["containers"][0];
    let asked = json!({"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "4", "rdma/ib": "2", "hugepages-2Mi": "4Mi", "example.com/a": "1"});
    assert_eq!(main["resources"], json!({"requests": asked, "limits": asked}));
    assert_eq!(
        main["securityContext"],
        json!({"runAsUser": 1000, "readOnlyRootFilesystem": false, "capabilities": {"add": ["SYS_PTRACE"]}}),
        "capabilities are one list, to KServe as well; another user than root needs no word on root"
    );
    assert_eq!(main["volumeMounts"], json!([{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/w", "readOnly": true}]));
    assert_eq!(pod["containers"][1], json!({"name": "side", "image": "engine"}));
    assert_eq!(pod["securityContext"], json!({"fsGroup": 2, "runAsGroup": 1}));
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "one"}, {"name": "two"}, {"name": "three"}]));
    assert_eq!(pod["tolerations"], json!([{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}]));
    assert_eq!(pod["nodeSelector"], json!({"pool": "p", "zone": "a", "fabric": "a"}));
    assert_eq!((&pod["priorityClassName"], &pod["schedulerName"]), (&json!("high"), &json!("kai")));
    assert_eq!(pod["volumes"][1], json!({"name": "v", "hostPath": {"path": "/rdma"}}));
    assert_eq!(pod["volumes"][2], json!({"name": "w", "emptyDir": {}}), "two sources of one volume are no volume");
}

/// The pool is where GPUs were counted: pods that went elsewhere would hold others.
#[test]
fn nobody_moves_a_pod_from_its_pool() {
    let overlay = json!({"nodeSelector": {"pool": "another", "zone": "a"}});
    let pod = serde_json::to_value(overlaid(None, Some(overlay), None).spec).unwrap();
    assert_eq!(pod["nodeSelector"], json!({"pool": "p", "zone": "a"}));
}

#[test]
fn gpus_that_are_claimed_are_claimed_one_by_one() {
    let wanted = Wanted {
        engine: engine(&json!([])),
        rdma: Some(json!({"type": "RoCE", "resourceClaims": [{"name": "nics", "resourceClaimTemplateName": "four-nics"}]})),
        overlay: None,
        disaggregated: true,
        request: GpuRequest::Claimed("one-gpu".to_owned()),
        disk: None,
    };
    let pod = serde_json::to_value(rendered(wanted).spec).unwrap();
    let gpu = |gpu: u32| json!({"name": format!("gpu-{gpu}"), "resourceClaimTemplateName": "one-gpu"});
    let nics = json!({"name": "nics", "resourceClaimTemplateName": "four-nics"});
    assert_eq!(pod["resourceClaims"], json!([gpu(0), gpu(1), gpu(2), gpu(3), nics]));
    let asked = json!({"cpu": "8", "memory": "64Gi"});
    let claims = ["gpu-0", "gpu-1", "gpu-2", "gpu-3", "nics"].map(|name| json!({"name": name}));
    assert_eq!(pod["containers"][0]["resources"], json!({"requests": asked, "limits": asked, "claims": claims}));
}

/// As whom an engine runs, by what its overlay says. KServe's presets: no root, no capability, no new privileges.
#[test]
fn an_engine_is_root_unless_somebody_says_otherwise() {
    let root = json!({"runAsUser": 0, "runAsNonRoot": false, "readOnlyRootFilesystem": false, "capabilities": {"add": ["IPC_LOCK"]}});
    let other = json!({"readOnlyRootFilesystem": false, "capabilities": {"add": ["IPC_LOCK"]}});
    let with = |base: &Value, more: Value| {
        let mut both = base.clone();
        both.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        both
    };
    let seccomp = json!({"seccompProfile": {"type": "RuntimeDefault"}});
    let cases = [
        (json!({}), root.clone(), Value::Null, "as official images want it"),
        (json!({"securityProfile": "Root"}), root.clone(), Value::Null, "the same, said"),
        (json!({"securityProfile": "Restricted"}), Value::Null, seccomp.clone(), "the presets' own, and what decode's sidecar lacks"),
        (
            json!({"securityProfile": "Restricted", "containerSecurityContext": {"runAsUser": 1000}}),
            json!({"runAsUser": 1000}),
            seccomp,
            "for images whose user is a name",
        ),
        (json!({"securityContext": {"runAsUser": 1000}}), other.clone(), json!({"runAsUser": 1000}), "a container's user would win"),
        (
            json!({"securityContext": {"runAsUser": 0}}),
            root.clone(),
            json!({"runAsUser": 0}),
            "the presets would refuse root for the container",
        ),
        (
            json!({"containerSecurityContext": {"runAsNonRoot": true}}),
            with(&other, json!({"runAsNonRoot": true})),
            Value::Null,
            "the image's own user, with a file system that it can write to",
        ),
        (json!({"securityContext": {"runAsNonRoot": true}}), other, json!({"runAsNonRoot": true}), "the same for the pod"),
        (
            json!({"containerSecurityContext": {"readOnlyRootFilesystem": true, "capabilities": {"add": ["IPC_LOCK", "SYS_RAWIO"]}}}),
            with(&root, json!({"readOnlyRootFilesystem": true, "capabilities": {"add": ["IPC_LOCK", "SYS_RAWIO"]}})),
            Value::Null,
            "field by field, and a list as a whole",
        ),
    ];
    for (overlay, container, pod, why) in cases {
        let rendered = serde_json::to_value(overlaid(Some(overlay), None, Some(json!({"type": "InfiniBand"}))).spec).unwrap();
        assert_eq!(rendered["containers"][0]["securityContext"], container, "{why}");
        assert_eq!(rendered["securityContext"], pod, "{why}");
    }
}
