//! What people may not give pods besides: what Kubernetes refuses, and what would break what KServe and we have there.

use function_modelplane::api::model_deployment::ModelKind;
use function_modelplane::domain::spec::environment::validate_environment;
use function_modelplane::domain::spec::model::validate_model;
use serde_json::{Value, json};

/// What is wrong with an overlay of an environment, each on a line of its own, without the path of the overlay.
fn violations(pod: &Value) -> Vec<String> {
    let pool = json!({
        "name": "h100", "nodeSelector": {"zone": "a"},
        "gpu": {"acceleratorType": "nvidia-h100", "memory": "80Gi", "resourceName": "example.com/gpu"},
    });
    let object = json!({
        "metadata": {"name": "east"},
        "spec": {"cluster": {"source": "Local", "local": {"nodePools": [pool]}}, "pod": pod},
    });
    let found = validate_environment(&serde_json::from_value(object).unwrap()).err().unwrap_or_default();
    found.iter().map(|violation| violation.to_string().strip_prefix("spec.pod.").unwrap().to_owned()).collect()
}

type Case = (Value, &'static [&'static str], &'static str);

fn assert_violations(cases: &[Case]) {
    for (overlay, expected, why) in cases {
        assert_eq!(violations(overlay), *expected, "{why}");
    }
}

/// What real manifests have (llm-d, Dynamo, KServe's samples), in one.
#[test]
fn what_manifests_have_is_taken() {
    assert_violations(&[
        (json!({}), &[], "nothing"),
        (
            json!({
                "labels": {"team": "a"}, "annotations": {"networking.gke.io/interfaces": "[]", "K8s.v1.cni.cncf.io/networks": "a"},
                "imagePullSecrets": [{"name": "my.registry"}],
                "resourceClaims": [
                    {"name": "nic", "resourceClaimTemplateName": "one-nic", "per": "GPU"}, {"name": "imex", "resourceClaimName": "imex", "request": "x"},
                ],
                "resources": {"hugepages-2Mi": "5120Mi", "smarter-devices/fuse": 1},
                "securityContext": {"fsGroup": 107, "supplementalGroups": [107], "fsGroupChangePolicy": "OnRootMismatch"},
                "containerSecurityContext": {
                    "privileged": true, "capabilities": {"add": ["IPC_LOCK", "SYS_PTRACE"]},
                    "seccompProfile": {"type": "Localhost", "localhostProfile": "gpu.json"},
                },
                "tolerations": [
                    {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists"},
                    {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 60},
                ],
                "nodeSelector": {"zone": "a", "arch": "arm64"},
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
                            {"key": "gpu.memory", "operator": "Gt", "values": ["80"]}, {"key": "zone", "operator": "In", "values": ["a"]},
                            {"key": "spot", "operator": "DoesNotExist"},
                        ]}]},
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {"weight": 1, "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}},
                        ],
                    },
                    "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
                        "topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"llm-d.ai/role": "prefill"}},
                    }}]},
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                        "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
                    }]},
                },
                "topologySpreadConstraints": [{
                    "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2,
                    "labelSelector": {"matchExpressions": [{"key": "kserve.io/component", "operator": "Exists"}]},
                    "matchLabelKeys": ["app.kubernetes.io/name"], "nodeTaintsPolicy": "Honor",
                }],
                "priorityClassName": "high", "schedulerName": "kai-scheduler", "runtimeClassName": "nvidia",
                "volumes": [{"name": "gib", "hostPath": {"path": "/home/kubernetes/bin/gib"}}, {"name": "scratch"}],
                "volumeMounts": [
                    {"name": "gib", "mountPath": "/usr/local/gib"}, {"name": "scratch", "mountPath": "/tmp", "subPath": "a/b"},
                    {"name": "model-cache", "mountPath": "/cache"},
                ],
                "initContainers": [
                    {"name": "tune", "image": "busybox", "command": ["sysctl"], "securityContext": {"privileged": true}},
                    {
                        "name": "agent", "image": "agent", "restartPolicy": "Always", "ports": [{"containerPort": 9100}],
                        "startupProbe": {"tcpSocket": {"port": 9100}}, "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": 1}},
                    },
                    {"name": "storage-initializer", "resources": {"limits": {"memory": "8Gi"}}, "securityContext": {"allowPrivilegeEscalation": false}},
                ],
                "containers": [{
                    "name": "exporter", "image": "exporter", "imagePullPolicy": "Always", "env": [{"name": "HOME", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}],
                    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}], "livenessProbe": {"exec": {"command": ["true"]}},
                    "resources": {"claims": [{"name": "imex"}]},
                }],
                "hostNetwork": true, "hostIPC": true, "dnsPolicy": "Default", "terminationGracePeriodSeconds": 300,
                "securityProfile": "Root",
            }),
            &[],
            "all of it",
        ),
    ]);
}

#[test]
fn what_kserve_and_we_have_in_a_pod_stays_theirs() {
    assert_violations(&[
        (
            json!({"labels": {"llm-d.ai/role": "x", "app.kubernetes.io/name": "x", "modelplane.ai/x": "x", "pod-template-hash": "x"}}),
            &[
                "labels[\"app.kubernetes.io/name\"]: is a label that KServe or this function sets; choose another key",
                "labels[\"llm-d.ai/role\"]: is a label that KServe or this function sets; choose another key",
                "labels[\"modelplane.ai/x\"]: is a label that KServe or this function sets; choose another key",
                "labels[\"pod-template-hash\"]: is a label that KServe or this function sets; choose another key",
            ],
            "they are an immutable selector, and what others find pods by",
        ),
        (
            json!({"annotations": {"modelplane.ai/placement": "x"}}),
            &["annotations[\"modelplane.ai/placement\"]: is an annotation of this function's; choose another key"],
            "a record of ours",
        ),
        (
            json!({"containers": [{"name": "main", "image": "x"}, {"name": "llm-d-routing-sidecar", "image": "x"}],
                   "initContainers": [{"name": "modelcar-init", "image": "x"}]}),
            &[
                "initContainers[0].name: is \"modelcar-init\", a container of KServe's own; give it another name",
                "containers[0].name: is \"main\", the engine's own container; say what it gets in engine, resources, volumeMounts and \
                 containerSecurityContext",
                "containers[1].name: is \"llm-d-routing-sidecar\", a container of KServe's own; give it another name",
            ],
            "they would be merged with it",
        ),
        (
            json!({"initContainers": [{"name": "storage-initializer", "image": "mine", "args": ["x"]}], "containers": [{"name": "storage-initializer", "image": "x"}]}),
            &[
                "initContainers[0].image: is KServe's own for storage-initializer; remove it",
                "initContainers[0].args: is KServe's own for storage-initializer; remove it",
                "containers[0].name: repeats \"storage-initializer\"; give each container a name of its own",
                "containers[0].name: is \"storage-initializer\", a container of KServe's own; give it another name",
            ],
            "KServe replaces its command, and drops the rest before v0.20",
        ),
        (
            json!({"volumes": [{"name": "dshm"}, {"name": "kserve-pvc-source"}], "volumeMounts": [
                {"name": "dshm", "mountPath": "/dev/shm/"}, {"name": "home", "mountPath": "/mnt/models"}, {"name": "home", "mountPath": "/mnt"},
            ]}),
            &[
                "volumes[0].name: is \"dshm\", a volume of KServe's own, with which it would be merged; give it another name",
                "volumes[1].name: is \"kserve-pvc-source\", a volume of KServe's own, with which it would be merged; give it another name",
                "volumeMounts[0].mountPath: is /dev/shm, where KServe or this function mounts what the engine needs; choose another",
                "volumeMounts[1].mountPath: is /mnt/models, where KServe or this function mounts what the engine needs; choose another",
                "volumeMounts[2].mountPath: is /mnt, where KServe or this function mounts what the engine needs; choose another",
            ],
            "weights, shared memory, certificates",
        ),
        (
            json!({"containers": [{"name": "proxy", "image": "x", "ports": [{"containerPort": 8000}, {"containerPort": 8001}, {"containerPort": 0}],
                   "volumeMounts": [{"name": "home", "mountPath": "/mnt/models"}]}]}),
            &[
                "containers[0].ports[0].containerPort: is 8000, a port of the engine's or of its routing sidecar's; choose another",
                "containers[0].ports[1].containerPort: is 8001, a port of the engine's or of its routing sidecar's; choose another",
                "containers[0].ports[2].containerPort: is 0; set it to 1 to 65535",
                "containers[0].volumeMounts[0].mountPath: is /mnt/models, where KServe mounts the weights; choose another",
            ],
            "the engine would not get its port",
        ),
        (
            json!({"resourceClaims": [
                {"name": "gpu", "resourceClaimTemplateName": "t"}, {"name": "gpu-0", "resourceClaimTemplateName": "t"},
                {"name": "managed-device", "resourceClaimTemplateName": "t"}, {"name": "gpu-nic", "resourceClaimTemplateName": "t", "per": "GPU"},
                {"name": "gpu-nic-3", "resourceClaimTemplateName": "t"},
            ]}),
            &[
                "resourceClaims[0].name: is \"gpu\", a name of this function's or KServe's own claims; give it another",
                "resourceClaims[1].name: is \"gpu-0\", a name of this function's or KServe's own claims; give it another",
                "resourceClaims[2].name: is \"managed-device\", a name of this function's or KServe's own claims; give it another",
                "resourceClaims[4].name: is \"gpu-nic-3\", as \"gpu-nic\" is called for one of the GPUs; give it another name",
            ],
            "a pod has each name once",
        ),
        (
            json!({"resources": {"cpu": 1, "memory": "1Gi", "ephemeral-storage": "1Gi", "example.com/gpu": 1},
                   "containers": [{"name": "x", "image": "x", "resources": {"limits": {"nvidia.com/gpu": 1}}}]}),
            &[
                "resources[\"cpu\"]: is what the resources of the profile or the model say; write it there",
                "resources[\"ephemeral-storage\"]: is what the resources of the profile or the model say; write it there",
                "resources[\"memory\"]: is what the resources of the profile or the model say; write it there",
                "containers[0].resources.limits[\"nvidia.com/gpu\"]: is a GPU, which would be taken from the pool without being counted; only the \
                 engine has GPUs",
                "resources[\"example.com/gpu\"]: is what the GPUs of pool h100 go by; remove it",
            ],
            "GPUs are counted",
        ),
        (
            json!({"nodeSelector": {"zone": "b"}}),
            &["nodeSelector[\"zone\"]: is \"b\", which the nodes of pool h100 have otherwise; no pod would start there"],
            "what was counted there would not be there",
        ),
        (
            json!({"schedulerName": "{{ x }}", "volumes": [{"name": "a", "hostPath": {"path": "{{"}}], "annotations": {"a": "{{"}}),
            &[
                "annotations[\"a\"]: holds \"{{\", which KServe takes for a template of its own; only an engine's arguments may hold it",
                "schedulerName: is \"{{ x }}\"; write 1 to 253 lower case letters, digits, '-' and '.', with a letter or digit at both ends",
                "volumes[0]: holds \"{{\", which KServe takes for a template of its own; only an engine's arguments may hold it",
            ],
            "KServe would fail to reconcile",
        ),
    ]);
}

/// Each of these the API server refuses, too, when KServe makes a Deployment of it: nobody would see it but KServe. `tests/e2e/pods` asks it.
#[test]
fn what_kubernetes_refuses_is_refused_before() {
    let cases: Value = serde_json::from_str(include_str!("../../e2e/overlays.json")).unwrap();
    for case in cases["refused"].as_array().unwrap() {
        assert_eq!(json!(violations(&case["pod"])), case["refused"], "{}", case["pod"]);
    }
}

/// What Kubernetes takes, and no pod survives, or no schedule or ledger: only we can say it.
#[test]
fn what_would_never_run_is_refused() {
    assert_violations(&[
        (
            json!({"imagePullSecrets": [{"name": "My_Registry"}, {"name": "a"}, {"name": "a"}], "schedulerName": "A"}),
            &[
                "imagePullSecrets[2].name: repeats \"a\"; give each entry a name of its own",
                "imagePullSecrets[0].name: is \"My_Registry\"; write 1 to 253 lower case letters, digits, '-' and '.', with a letter or digit at \
                 both ends",
                "schedulerName: is \"A\"; write 1 to 253 lower case letters, digits, '-' and '.', with a letter or digit at both ends",
            ],
            "no Secret has the name, and nothing is called so that puts pods on nodes",
        ),
        (
            json!({"containerSecurityContext": {"runAsUser": 0, "runAsNonRoot": true, "capabilities": {"add": [""]}}}),
            &[
                "containerSecurityContext.runAsNonRoot: is true, but runAsUser is 0, which is root; no container would start",
                "containerSecurityContext.capabilities.add[0]: is empty; name a capability, as in IPC_LOCK",
            ],
            "the kubelet refuses to start it",
        ),
        (
            json!({"resources": {"c/d": 2000, "e/f": 0}, "resourceClaims": [{"name": "c", "resourceClaimName": "x", "per": "GPU"}]}),
            &[
                "resourceClaims[0].per: is GPU, but a ResourceClaim is one for all pods; use resourceClaimTemplateName",
                "resources[\"c/d\"]: is 2000; set it to 1 to 1024",
                "resources[\"e/f\"]: is 0; set it to more than 0",
            ],
            "no node has it",
        ),
        (
            json!({"topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"},
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                {"maxSkew": 1, "topologyKey": "a b", "whenUnsatisfiable": "DoNotSchedule"},
            ]}),
            &[
                "topologySpreadConstraints[1].topologyKey: repeats \"zone\"; KServe keeps one constraint of each",
                "topologySpreadConstraints[2].topologyKey: is \"a b\", which is not a label's key: the name may have letters, digits, '-', '_' and \
                 '.' only, and must start and end with a letter or digit",
            ],
            "one would be lost, and no node has the other",
        ),
        (
            json!({"containers": [{"name": "a", "image": "x", "resources": {"requests": {"memory": "much"}}}]}),
            &[
                "containers[0].resources.requests[\"memory\"]: \"much\" is not a quantity: it must start with a number, as in \"4\", \"500m\" or \
                 \"80Gi\"",
            ],
            "no quantity",
        ),
    ]);
}

/// What the platform team gives, on a ClusterModel or an environment, a team's own Model cannot take: with it a pod is the node.
#[test]
fn a_teams_own_model_reaches_no_node() {
    let read = |kind: ModelKind, pod: &Value| {
        let object = json!({"metadata": {"name": "m", "namespace": "team"}, "spec": {
            "model": {"name": "m"}, "source": "HuggingFace", "huggingFace": {"repo": "o/m"}, "resources": {"vram": "1Gi"},
            "serving": [{"name": "a", "engine": {"name": "vLLM", "image": "i", "pod": pod}}],
        }});
        let model = validate_model(kind, &serde_json::from_value(object).unwrap()).unwrap();
        model.violations().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let takes = json!({
        "hostNetwork": true, "hostIPC": true, "priorityClassName": "high", "runtimeClassName": "runc",
        "securityContext": {"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]},
        "containerSecurityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}},
        "volumes": [{"name": "node", "hostPath": {"path": "/"}}],
        "initContainers": [{"name": "a", "image": "i", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}],
        "containers": [{"name": "b", "image": "i", "ports": [{"containerPort": 22, "hostPort": 22}], "securityContext": {"allowPrivilegeEscalation": true}}],
    });
    assert_eq!(read(ModelKind::ClusterModel, &takes), Vec::<String>::new());
    let fields = [
        "hostNetwork",
        "hostIPC",
        "priorityClassName",
        "runtimeClassName",
        "securityContext.sysctls",
        "containerSecurityContext.privileged",
        "containerSecurityContext.capabilities.add",
        "volumes[0].hostPath",
        "initContainers[0].securityContext.seccompProfile",
        "containers[0].securityContext.allowPrivilegeEscalation",
        "containers[0].ports",
    ];
    let what = "gives a pod more than its containers, which only a ClusterModel or an InferenceEnvironment may; remove it";
    assert_eq!(read(ModelKind::Model, &takes), fields.map(|field| format!("spec.serving[0].engine.pod.{field}: {what}")));
    let own = json!({
        "hostNetwork": false, "securityProfile": "Restricted", "schedulerName": "kai", "imagePullSecrets": [{"name": "a"}],
        "containerSecurityContext": {"runAsUser": 1000, "capabilities": {"add": ["IPC_LOCK"]}, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}}],
        "containers": [{"name": "b", "image": "i", "ports": [{"containerPort": 22}]}],
    });
    assert_eq!(read(ModelKind::Model, &own), Vec::<String>::new(), "what stays within the pod");
}

/// KServe before v0.20 copies decode's labels and annotations to prefill.
#[test]
fn labels_and_annotations_of_decode_are_those_of_prefill() {
    let model = |decode: Value, prefill: Value| {
        let engine = |pod: Value| json!({"name": "vLLM", "image": "i", "pod": pod});
        let object = json!({"metadata": {"name": "m"}, "spec": {
            "model": {"name": "m"}, "source": "HuggingFace", "huggingFace": {"repo": "o/m"}, "resources": {"vram": "1Gi"},
            "serving": [{"name": "a", "topology": "PrefillDecode", "engine": engine(decode),
                         "prefill": {"engine": engine(prefill), "resources": {"gpu": 1}}}],
        }});
        let model = validate_model(ModelKind::ClusterModel, &serde_json::from_value(object).unwrap()).unwrap();
        model.violations().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let cases: [(Value, Value, &[&str]); 4] = [
        (json!({"labels": {"a": "x"}}), json!({"labels": {"a": "y"}}), &[]),
        (json!(null), json!({"labels": {"a": "y"}, "annotations": {"b": "y"}}), &[]),
        (
            json!({"labels": {"a": "x"}, "annotations": {"b": "x"}}),
            json!({"annotations": {"a": "x"}}),
            &[
                "spec.serving[0].engine.pod.labels[\"a\"]: is not in prefill.engine.pod.labels, to which KServe before v0.20 copies it; give prefill's \
                 pods a value, too",
                "spec.serving[0].engine.pod.annotations[\"b\"]: is not in prefill.engine.pod.annotations, to which KServe before v0.20 copies it; give \
                 prefill's pods a value, too",
            ],
        ),
        (
            json!({"hostNetwork": true, "imagePullSecrets": [{"name": "A"}]}),
            json!({"priorityClassName": "B"}),
            &[
                "spec.serving[0].engine.pod.imagePullSecrets[0].name: is \"A\"; write 1 to 253 lower case letters, digits, '-' and '.', with a letter \
                 or digit at both ends",
                "spec.serving[0].prefill.engine.pod.priorityClassName: is \"B\"; write 1 to 253 lower case letters, digits, '-' and '.', with a letter \
                 or digit at both ends",
            ],
        ),
    ];
    for (decode, prefill, expected) in cases {
        assert_eq!(model(decode, prefill), expected);
    }
}
