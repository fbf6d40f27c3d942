//! What KServe fixes of an LLMInferenceService: with another KServe, this is the file to read against its presets
//! (`config/llmisvcconfig`) and its controller (`pkg/controller/v1alpha2/llmisvc`).
//!
//! The presets were read in v0.18.1 to v0.20.0; `tests/e2e/chain` runs the rest with v0.19.0 and v0.20.0.

/// The container that the presets give the engine.
pub const ENGINE_CONTAINER: &str = "main";
/// The variables to which the presets for single nodes give a value.
pub const PRESET_VARIABLES: [&str; 3] = ["HF_HUB_CACHE", "HOME", "VLLM_LOGGING_LEVEL"];
/// The volume that is `/dev/shm` in the presets.
pub const SHARED_MEMORY_VOLUME: &str = "dshm";
/// The volumes that the presets have.
pub const PRESET_VOLUMES: [&str; 5] = [SHARED_MEMORY_VOLUME, "home", "model-cache", "tls-certs", "tmp-dir"];
/// The volumes that the controller adds, by where weights come from and what it is told to trust (`pkg/utils/storage.go`, `workload_storage.go`).
pub const CONTROLLER_VOLUMES: [&str; 3] = ["cabundle-cert", "kserve-provision-location", "kserve-pvc-source"];
/// Where the weights are.
pub const MODEL_PATH: &str = "/mnt/models";
/// Where the engine's container has what it cannot do without: weights (two places by their source), shared memory, certificates.
pub const ENGINE_MOUNTS: [&str; 4] = [MODEL_PATH, "/mnt", "/dev/shm", "/var/run/kserve/tls"];
/// The container in front of decode. It is an init container that goes on running.
pub const ROUTING_SIDECAR: &str = "llm-d-routing-sidecar";
/// The container that downloads weights. From v0.20 on it takes resources and a security context from a container of its name; v0.19 drops that
/// one, and v0.18 has two of one name then, which no pod can.
pub const STORAGE_INITIALIZER: &str = "storage-initializer";
/// The containers that the controller adds for `oci://`.
pub const CONTROLLER_CONTAINERS: [&str; 2] = ["modelcar", "modelcar-init"];
/// The claim that v0.20's managed dynamic resource allocation adds (`managed_dra.go`).
pub const MANAGED_CLAIM: &str = "managed-device";
/// What the keys of labels start with that KServe sets on pods, or that it copies from somewhere else. Pods' labels are an immutable selector.
const LABEL_PREFIXES: [&str; 7] = [
    "app.kubernetes.io/",
    "inference.optimization/",
    "internal.serving.kserve.io/",
    "kserve.io/",
    "leaderworkerset.sigs.k8s.io/",
    "llm-d.ai/",
    "serving.kserve.io/",
];

/// Whether KServe sets a label of pods.
pub fn owns_label(key: &str) -> bool {
    LABEL_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) || ["pod-template-hash", "control-plane"].contains(&key)
}

/// The period of the startup probe in the presets.
pub const STARTUP_PERIOD_SECONDS: u32 = 10;

/// The port on which the presets' probes and routes look for an engine.
pub const ENGINE_PORT: &str = "8000";
/// The same of a decode pod, where the routing sidecar has the other.
pub const DECODE_PORT: &str = "8001";
/// The option that says which names a model answers to.
pub const SERVED_NAME_OPTION: &str = "served-model-name";
/// Options with which the presets run the engine, or that undo them.
pub const OWNED_OPTIONS: [&str; 10] = [
    "port",
    "host",
    SERVED_NAME_OPTION,
    "model",
    "uds",
    "ssl-certfile",
    "ssl-keyfile",
    "ssl-ca-certs",
    "ssl-cert-reqs",
    "enable-ssl-refresh",
];

/// The condition of presets that were found and put together; [`READY`] does not cover it.
pub const PRESETS_COMBINED: &str = "PresetsCombined";
/// The conditions of decode, or the one phase of Unified: of one node, or of several.
pub const DECODE_READY: [&str; 2] = ["MainWorkloadReady", "WorkerWorkloadReady"];
/// The conditions of prefill: of one node, or of several.
pub const PREFILL_READY: [&str; 2] = ["PrefillWorkloadReady", "PrefillWorkerWorkloadReady"];
/// The condition of the route and what it goes through.
pub const ROUTER_READY: &str = "RouterReady";
/// The condition that covers all but the presets.
pub const READY: &str = "Ready";

/// The key under which the storage initializer reads a Hugging Face token.
pub const TOKEN_KEY: &str = "HF_TOKEN";
/// The keys under which it reads an account of an object store; the second makes a Secret one (`credentials` in `inferenceservice-config`).
pub const STORAGE_ACCOUNT_KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// The names of what is made of a serving object stay unhashed up to so many characters of its own.
pub const SERVING_NAME_MAX: usize = 38;

/// The name by which routes choose a model from v0.19 on, beside its own.
pub fn published_name(namespace: &str, model: &str) -> String {
    format!("publishers/{namespace}/models/{model}")
}

/// The Deployment of decode, or of the one phase of Unified.
pub fn engine_deployment(serving: &str) -> String {
    format!("{serving}-kserve")
}

/// A regular expression that decode's pods match by their whole name, or those of the one phase of Unified. Kubernetes ends it with the hash of
/// the template and five more characters, and cuts what comes before these at 58 (read in v1.35.4): only prefill's names get so long.
pub fn decode_pods(serving: &str) -> String {
    format!("{}-[a-z0-9]+-[a-z0-9]{{5}}", engine_deployment(serving))
}

/// The same of prefill's pods. Where the name is cut, no dash is left before the last five characters.
pub fn prefill_pods(serving: &str) -> String {
    format!("{}-prefill-[a-z0-9]+(-[a-z0-9]{{5}})?", engine_deployment(serving))
}

/// The same of the pods of both phases.
pub fn engine_pods(serving: &str) -> String {
    format!("{}-(prefill-)?[a-z0-9]+(-[a-z0-9]{{5}})?", engine_deployment(serving))
}

/// The HTTPRoute that is made of a serving object.
pub fn route(serving: &str) -> String {
    format!("{serving}-kserve-route")
}

/// How many of so many pods come before any goes when they are replaced, and how many may be gone meanwhile. The strategy of its Deployments
/// is left to Kubernetes: a quarter each, rounded up and down.
pub fn rolling_update(replicas: u32) -> (u32, u32) {
    (replicas.div_ceil(4), replicas.checked_div(4).unwrap_or_default())
}
