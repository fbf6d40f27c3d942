use function_modelplane::api::model::ModelSpec;
use function_modelplane::domain::lint::{lint_environment, lint_model_on};
use function_modelplane::domain::spec::environment::{Environment, validate_environment};
use serde_json::{Value, json};

use super::{Phase, args, assert_found, assert_lines, env, line, lines, pair, spec_of};

#[test]
fn the_side_channel_is_reached_from_the_other_phase() {
    const PUSH: Phase = Phase {
        args: &[r#"--kv-transfer-config={"kv_connector":"NixlPushConnector","kv_role":"$(ROLE)"}"#],
        image: Some("vllm/vllm-openai:v0.28.0"),
        env: &[("VLLM_NIXL_SIDE_CHANNEL_HOST", "127.0.0.1")],
        gpu: None,
    };
    assert_found(&[
        (
            args(&[]),
            env(&[("VLLM_NIXL_SIDE_CHANNEL_HOST", "0.0.0.0")]),
            &[
                r#"error SideChannelHost: spec.serving[0].prefill.engine.env[0].value: VLLM_NIXL_SIDE_CHANNEL_HOST is "0.0.0.0", so the other phase asks itself and every request fails with status 500; leave it out, the pod's address is set for you"#,
            ],
            "decode asks itself",
        ),
        (
            env(&[("VLLM_NIXL_SIDE_CHANNEL_HOST", "localhost")]),
            args(&[]),
            &[
                r#"warning SideChannelHost: spec.serving[0].engine.env[0].value: VLLM_NIXL_SIDE_CHANNEL_HOST is "localhost", so prefill cannot ask decode, as it does in some modes; leave it out, the pod's address is set for you"#,
            ],
            "prefill rarely asks",
        ),
        (
            PUSH,
            Phase { env: &[], ..PUSH },
            &[
                r#"error SideChannelHost: spec.serving[0].engine.env[0].value: VLLM_NIXL_SIDE_CHANNEL_HOST is "127.0.0.1", so the other phase asks itself and every request fails with status 500; leave it out, the pod's address is set for you"#,
            ],
            "unless it pushes",
        ),
        (args(&[]), env(&[("VLLM_NIXL_SIDE_CHANNEL_HOST", "$(POD_IP)")]), &[], "the kubelet knows it"),
        (
            args(&[r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_both"}"#]),
            Phase {
                args: &[r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_both"}"#],
                ..env(&[("VLLM_NIXL_SIDE_CHANNEL_HOST", "localhost")])
            },
            &[],
            "only NIXL reads it",
        ),
    ]);
}

#[test]
fn a_profile_asks_for_rdma() {
    let with = |labels: Value| {
        let mut spec: ModelSpec = pair(args(&[]), args(&[]));
        spec.serving[0].environment_selector = serde_json::from_value(labels).unwrap();
        lines(&spec)
    };
    let cases: [(Value, &[&str], &str); 4] = [
        (json!({"matchLabels": {"modelplane.ai/rdma": "true", "a": "b"}}), &[], "among others"),
        (
            json!({"matchLabels": {"modelplane.ai/rdma": "false"}}),
            &[
                "warning NoRdmaSelector: spec.serving[0].environmentSelector: the profile does not ask for modelplane.ai/rdma=true: over TCP the first token takes minutes, not a fraction of a second; add it to environmentSelector.matchLabels",
            ],
            "the opposite",
        ),
        (
            json!({"matchLabels": {"a": "b"}}),
            &[
                "warning NoRdmaSelector: spec.serving[0].environmentSelector: the profile does not ask for modelplane.ai/rdma=true: over TCP the first token takes minutes, not a fraction of a second; add it to environmentSelector.matchLabels",
            ],
            "something else",
        ),
        (
            json!(null),
            &[
                "warning NoRdmaSelector: spec.serving[0].topology: the profile does not ask for modelplane.ai/rdma=true: over TCP the first token takes minutes, not a fraction of a second; add it to environmentSelector.matchLabels",
            ],
            "nothing: said where the topology is",
        ),
    ];
    for (labels, found, reason) in cases {
        assert_lines(&with(labels), found, reason);
    }
}

#[test]
fn an_environment_says_how_a_pod_gets_the_device() {
    const UNDECLARED: &str =
        "RdmaUndeclared: spec.rdma: the environment has modelplane.ai/rdma=true, but no pod is given an RDMA device, so";
    const WHAT_TO_DO: &str = "name the device in spec.rdma.resources, as in rdma/ib: 1, or in spec.rdma.resourceClaims";
    let tcp = || vec![format!("warning {UNDECLARED} transfer falls back to TCP; {WHAT_TO_DO}")];
    let exits = |pools: &str| {
        let effect = "exits at start with NIXL_ERR_BACKEND: it is told to use nothing but RDMA";
        vec![format!("error {UNDECLARED} every engine on {pools} {effect}; {WHAT_TO_DO}")]
    };
    let pool = |name: &str, resource: &str| {
        let gpu = json!({"acceleratorType": name, "memory": "80Gi", "resourceName": resource});
        json!({"name": name, "gpu": gpu})
    };
    let nvidia = || json!([pool("h100", "nvidia.com/gpu")]);
    let amd = || json!([pool("mi300x", "amd.com/gpu")]);
    let both = || json!([pool("h100", "nvidia.com/gpu"), pool("h200", "nvidia.com/gpu"), pool("mi300x", "amd.com/gpu")]);
    let claimed = || json!([{"name": "gb200", "gpu": {"acceleratorType": "gb200", "memory": "186Gi", "resourceClaimTemplateName": "one"}}]);
    let ib = || json!({"type": "InfiniBand"});
    let cases = [
        ("true", nvidia(), json!({"type": "InfiniBand", "resources": {"rdma/ib": 1}}), json!(null), vec![], "a device for each pod"),
        ("true", nvidia(), json!({"type": "EFA", "resourcesPerGpu": {"vpc.amazonaws.com/efa": 2}}), json!(null), vec![], "for each GPU"),
        (
            "true",
            nvidia(),
            json!({"type": "RoCE", "resourceClaims": [{"name": "nic", "resourceClaimTemplateName": "nic", "per": "GPU"}]}),
            json!(null),
            vec![],
            "claimed",
        ),
        ("true", nvidia(), json!({"type": "Other", "annotations": {"a": "b"}}), json!(null), vec![], "a webhook may turn it into one"),
        ("true", nvidia(), ib(), json!({"resources": {"rdma/ib": 1}}), vec![], "every pod has it"),
        ("true", nvidia(), ib(), json!({"resources": {"hugepages-2Mi": "2Mi"}}), exits("h100"), "huge pages are no device"),
        (
            "true",
            nvidia(),
            json!({"type": "InfiniBand", "resources": {"hugepages-2Mi": "2Mi"}}),
            json!(null),
            exits("h100"),
            "nor where EFA's manifests have them",
        ),
        ("true", nvidia(), ib(), json!(null), exits("h100"), "only the kind, for which UCX is told what to use"),
        ("true", amd(), ib(), json!(null), tcp(), "UCX is told nothing there"),
        ("true", claimed(), ib(), json!(null), vec![], "a GPU's template may claim the card next to it"),
        ("true", both(), ib(), json!(null), exits("h100, h200"), "each pool has engines of its own"),
        (
            "true",
            nvidia(),
            json!({"type": "RoCE", "env": [{"name": "UCX_TLS", "value": "rc,tcp"}]}),
            json!(null),
            tcp(),
            "unless the environment tells it something else",
        ),
        ("true", nvidia(), json!(null), json!(null), tcp(), "only the label"),
        ("false", nvidia(), json!(null), json!(null), vec![], "no RDMA"),
    ];
    for (label, pools, rdma, pod, expected, reason) in cases {
        let object = json!({
            "metadata": {"name": "east", "labels": {"modelplane.ai/rdma": label}},
            "spec": {"cluster": {"source": "Local", "local": {"nodePools": pools}}, "rdma": rdma, "pod": pod},
        });
        let environment = validate_environment(&serde_json::from_value(object).unwrap()).unwrap();
        let found: Vec<String> = lint_environment(&environment).iter().map(line).collect();
        assert_eq!(found, expected, "{reason}");
    }
}

#[test]
fn on_efa_nixl_speaks_it() {
    const SLOW: [&str; 2] = [
        "warning EfaWithoutLibfabric: spec.serving[0].engine.args[0]: decode runs on EFA in environment a and 1 more, where UCX, which NIXL takes without LIBFABRIC, is as slow as TCP; name LIBFABRIC in backends of kv_connector_extra_config in both phases, with an image that has libfabric",
        "warning EfaWithoutLibfabric: spec.serving[0].prefill.engine.args[0]: prefill runs on EFA in environment a and 1 more, where UCX, which NIXL takes without LIBFABRIC, is as slow as TCP; name LIBFABRIC in backends of kv_connector_extra_config in both phases, with an image that has libfabric",
    ];
    let environment = |name: &str, kind: &str| {
        let object = json!({
            "metadata": {"name": name, "labels": {"modelplane.ai/rdma": "true"}},
            "spec": {"cluster": {"source": "Local"}, "rdma": {"type": kind, "resources": {"vpc.amazonaws.com/efa": 4}}},
        });
        validate_environment(&serde_json::from_value(object).unwrap()).unwrap()
    };
    let efa = [environment("b", "EFA"), environment("a", "EFA"), environment("c", "InfiniBand")];
    let of = |tag: &str, extra: Value, environments: &[Environment]| {
        let engine = |role: &str, extra: &Value| {
            let transfer = json!({"kv_connector": "NixlConnector", "kv_role": role, "kv_connector_extra_config": extra});
            json!({"name": "vLLM", "image": format!("vllm/vllm-openai:{tag}"), "args": [format!("--kv-transfer-config={transfer}")]})
        };
        let spec = spec_of(json!({
            "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
            "engine": engine("kv_consumer", &extra), "resources": {"gpu": 1},
            "prefill": {"engine": engine("kv_producer", &extra), "resources": {"gpu": 1}},
        }));
        lint_model_on(&spec, environments).iter().map(line).collect::<Vec<_>>()
    };
    assert_lines(&of("v0.24.0", json!({}), &efa), &SLOW, "both phases, where nothing is named");
    assert_lines(&of("nightly", json!({"backends": ["UCX"]}), &efa), &SLOW, "or UCX, in an image of any release");
    assert_lines(&of("v0.24.0", json!({"backends": ["LIBFABRIC"]}), &efa), &[], "named");
    assert_lines(&of("v0.24.0", json!({"backends": ["UCX", "LIBFABRIC"]}), &efa), &[], "among others");
    assert_lines(&of("v0.24.0", json!({"backends": ["$(BACKEND)"]}), &efa), &[], "the kubelet knows it");
    assert_lines(&of("v0.24.0", json!({}), &efa[2..]), &[], "other fabrics need nothing of the kind");
    assert_lines(
        &of("v0.10.2", json!({"backends": ["LIBFABRIC"]}), &efa[..1])[..1],
        &[
            "warning EfaWithoutLibfabric: spec.serving[0].engine.args[0]: decode runs on EFA in environment b, where UCX, which NIXL takes without LIBFABRIC, is as slow as TCP; take v0.11.0 or later, and name LIBFABRIC in backends of kv_connector_extra_config in both phases, with an image that has libfabric",
        ],
        "releases that cannot be told",
    );
    let spec = pair(
        args(&[r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_both"}"#]),
        args(&["--kv-transfer-config={}"]),
    );
    assert_eq!(lint_model_on(&spec, &efa), [], "other connectors have ways of their own");
}

/// By whatever field pods are not root, it is named; another user of a pod that transfers nothing is nobody's business.
#[test]
fn rdma_wants_root_and_whoever_takes_it_is_told() {
    const WHY: &str = "does not run as root with IPC_LOCK, so NIXL registers memory for RDMA only on nodes where everybody may lock it, and the \
                       engine exits elsewhere; leave root to it, or raise the limit of locked memory (ulimit -l) of the nodes' container runtime";
    let cases = [
        (json!({}), None),
        (json!({"securityProfile": "Root", "containerSecurityContext": {"privileged": true}}), None),
        (json!({"securityProfile": "Restricted"}), Some("securityProfile")),
        (json!({"securityProfile": "Restricted", "containerSecurityContext": {"runAsUser": 0}}), None),
        (json!({"securityContext": {"runAsUser": 1000}}), Some("securityContext.runAsUser")),
        (json!({"securityContext": {"runAsUser": 1000}, "containerSecurityContext": {"runAsUser": 0}}), None),
        (
            json!({"securityContext": {"runAsUser": 0}, "containerSecurityContext": {"runAsUser": 7}}),
            Some("containerSecurityContext.runAsUser"),
        ),
        (json!({"containerSecurityContext": {"runAsNonRoot": true}}), Some("containerSecurityContext.runAsNonRoot")),
        (json!({"securityContext": {"runAsNonRoot": true}}), Some("securityContext.runAsNonRoot")),
        (json!({"securityContext": {"runAsNonRoot": true}, "containerSecurityContext": {"runAsNonRoot": false}}), None),
    ];
    for (pod, field) in cases {
        let environment = |rdma: Value| {
            let pools = json!([{"name": "h100", "gpu": {"acceleratorType": "h100", "memory": "80Gi"}}]);
            let object = json!({
                "metadata": {"name": "east"},
                "spec": {"cluster": {"source": "Local", "local": {"nodePools": pools}}, "rdma": rdma, "pod": pod},
            });
            let environment = validate_environment(&serde_json::from_value(object).unwrap()).unwrap();
            lint_environment(&environment).iter().map(line).collect::<Vec<_>>()
        };
        let told = |who: &str, path: &str| field.map(|field| format!("warning RdmaUnprivileged: {path}{field}: {who} {WHY}"));
        let rdma = json!({"type": "InfiniBand", "resources": {"rdma/ib": 1}});
        assert_eq!(environment(rdma), told("what transfers here", "spec.pod.").into_iter().collect::<Vec<_>>(), "{pod}");
        assert_eq!(environment(Value::Null), Vec::<String>::new(), "{pod}: nothing transfers");
        let mut spec: ModelSpec = pair(args(&[]), args(&[]));
        spec.serving[0].prefill.as_mut().unwrap().engine.pod = serde_json::from_value(pod.clone()).unwrap();
        let found: Vec<String> = lines(&spec).into_iter().filter(|line| line.contains("RdmaUnprivileged")).collect();
        assert_eq!(found, told("prefill", "spec.serving[0].prefill.engine.pod.").into_iter().collect::<Vec<_>>(), "{pod}");
    }
}
