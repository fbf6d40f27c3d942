use function_modelplane::domain::lint::lint_model_on;
use function_modelplane::domain::spec::environment::{Environment, validate_environment};
use serde_json::{Value, json};

use super::{Phase, args, assert_found, assert_lines, env, line, lines, pair, unified};

const REMAPS: &[(&str, &str)] = &[("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")];
const OFFLOAD: &str = r#"--kv-transfer-config={"kv_connector":"OffloadingConnector","kv_role":"kv_both"}"#;
const QUIET: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer","kv_load_failure_policy":"fail"}"#;

const fn phase(image: &'static str, args: &'static [&'static str], env: &'static [(&'static str, &'static str)]) -> Phase {
    Phase { args, image: Some(image), env, gpu: None }
}

#[test]
fn registered_memory_stays_where_it_is() {
    const OLD: &str = "vllm/vllm-openai:v0.20.2";
    assert_found(&[
        (
            env(REMAPS),
            env(&[("A", "b"), ("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:128,expandable_segments:True")]),
            &[
                "error AllocatorRemaps: spec.serving[0].engine.env[0].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so decode exits at start beside a connector; remove it",
                "error AllocatorRemaps: spec.serving[0].prefill.engine.env[1].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so prefill exits at start beside a connector; remove it",
            ],
            "each phase, among other settings",
        ),
        (
            phase("vllm/vllm-openai:v0.21.0", &[QUIET], REMAPS),
            phase("vllm/vllm-openai:v0.21.0", &[], &[]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.21.0 looks it up all the same; take v0.22.0 or later in both phases",
                "error AllocatorRemaps: spec.serving[0].engine.env[0].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so decode exits at start beside a connector; remove it",
            ],
            "the first release that exits",
        ),
        (
            phase(OLD, &[QUIET], REMAPS),
            phase(OLD, &[], &[]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.20.2 looks it up all the same; take v0.22.0 or later in both phases",
                "warning AllocatorRemaps: spec.serving[0].engine.env[0].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so memory that the connector has registered may move, and transfers fail; remove it",
            ],
            "and the last that does not",
        ),
        (
            phase("ghcr.io/llm-d/llm-d-cuda:v0.9.0", &[], REMAPS),
            phase("ghcr.io/llm-d/llm-d-cuda:v0.9.0", &[], &[]),
            &[
                "warning AllocatorRemaps: spec.serving[0].engine.env[0].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so decode exits at start beside a connector since vLLM 0.21.0, and before, memory that the connector has registered may move, and transfers fail; remove it",
            ],
            "in an image of any release",
        ),
        (
            env(&[("PYTORCH_ALLOC_CONF", "expandable_segments:True")]),
            env(&[("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments: True")]),
            &[
                "warning AllocatorRemaps: spec.serving[0].engine.env[0].value: PYTORCH_ALLOC_CONF has expandable_segments:True, so memory that the connector has registered may move, and transfers fail; remove it",
                "warning AllocatorRemaps: spec.serving[0].prefill.engine.env[0].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so memory that the connector has registered may move, and transfers fail; remove it",
            ],
            "what PyTorch reads and vLLM overlooks",
        ),
        (
            Phase { args: &["--enable-sleep-mode"], ..env(REMAPS) },
            Phase { args: &["--enable-cumem-allocator"], ..env(REMAPS) },
            &[],
            "the cache has a pool of its own",
        ),
        (
            env(&[("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:False")]),
            env(&[("PYTORCH_CUDA_ALLOC_CONF", "$(CONF)")]),
            &[],
            "switched off; and what the kubelet knows",
        ),
    ]);
    let offloads = |image| lines(&unified(phase(image, &[OFFLOAD], REMAPS)));
    assert_lines(
        &offloads("vllm/vllm-openai:v0.24.0"),
        &[
            "error AllocatorRemaps: spec.serving[0].engine.env[0].value: PYTORCH_CUDA_ALLOC_CONF has expandable_segments:True, so the engine exits at start beside a connector; remove it",
        ],
        "any connector, Unified, too",
    );
    assert_lines(&offloads(OLD), &[], "what stays with its engine registers nothing");
    assert_lines(&lines(&unified(env(REMAPS))), &[], "without a connector any allocator will do");
}

fn environment(name: &str, variables: &[(&str, &str)], rdma: &str) -> Environment {
    let variables: Vec<Value> = variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let object = json!({
        "metadata": {"name": name, "labels": {"modelplane.ai/rdma": "true"}},
        "spec": {"cluster": {"source": "Local"}, "rdma": {"type": rdma, "resources": {"a.b/c": 1}, "env": variables}},
    });
    validate_environment(&serde_json::from_value(object).unwrap()).unwrap()
}

fn on(decode: Phase, prefill: Phase, environments: &[Environment]) -> Vec<String> {
    lint_model_on(&pair(decode, prefill), environments).iter().map(line).collect()
}

/// An environment's variables are those of all engines there that have none of their own.
#[test]
fn an_environments_allocator_counts() {
    let both = [environment("west", &[], "InfiniBand"), environment("east", REMAPS, "InfiniBand")];
    assert_lines(
        &on(args(&["--seed=1"]), env(&[("PYTORCH_CUDA_ALLOC_CONF", "")]), &both),
        &[
            "error AllocatorRemaps: spec.serving[0].engine.args[0]: PYTORCH_CUDA_ALLOC_CONF in spec.rdma.env of environment east has expandable_segments:True, so decode exits at start beside a connector; remove it",
        ],
        "prefill has a value of its own",
    );
    let mut spec = unified(phase("vllm/vllm-openai:v0.24.0", &[OFFLOAD], &[]));
    assert_eq!(lint_model_on(&spec, &both), [], "an engine that is not disaggregated gets none of them");
    spec = pair(args(&[]), args(&[]));
    spec.serving[0].environment_selector = serde_json::from_value(json!({"matchLabels": {"other": "true"}})).unwrap();
    assert_eq!(lint_model_on(&spec, &both), [], "nor one that asks for another environment");
}

#[test]
fn a_hash_is_the_same_in_both_phases() {
    const LMCACHE: &str = r#"--kv-transfer-config={"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}"#;
    const STORE: &str = r#"--kv-transfer-config={"kv_connector":"MooncakeStoreConnector","kv_role":"kv_both"}"#;
    const TIERED: &str = r#"--kv-transfer-config={"kv_connector":"OffloadingConnector","kv_role":"kv_both","kv_connector_extra_config":{"spec_name":"TieringOffloadingSpec"}}"#;
    const WITH_NIXL: &str = r#"--kv-transfer-config={"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"NixlConnector","kv_role":"$(ROLE)"},{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}]}}"#;
    const UNSET: &str = "warning HashSeedMismatch: spec.serving[0].engine.env: PYTHONHASHSEED is not set, so LMCacheConnectorV1 calls one block by different hashes and decode finds nothing of what prefill stored; set PYTHONHASHSEED to the same number in both phases";
    const STORE_UNSET: &str = "warning HashSeedMismatch: spec.serving[0].engine.env: PYTHONHASHSEED is not set, so MooncakeStoreConnector calls one block by different hashes and decode finds nothing of what prefill stored; set PYTHONHASHSEED to the same number in both phases";
    const SEED: &[(&str, &str)] = &[("PYTHONHASHSEED", "123")];
    let (new, old) = ("vllm/vllm-openai:v0.29.0", "vllm/vllm-openai:v0.28.0");
    assert_found(&[
        (
            phase(old, &[LMCACHE], &[]),
            phase(old, &[LMCACHE], SEED),
            &[
                "warning HashSeedMismatch: spec.serving[0].prefill.engine.env[0].value: PYTHONHASHSEED is 123 in prefill and not set in decode, so LMCacheConnectorV1 calls one block by different hashes and decode finds nothing of what prefill stored; set PYTHONHASHSEED to the same number in both phases",
            ],
            "in one phase only",
        ),
        (
            phase(new, &[STORE], &[("PYTHONHASHSEED", "0")]),
            phase(new, &[STORE], SEED),
            &[
                "warning HashSeedMismatch: spec.serving[0].prefill.engine.env[0].value: PYTHONHASHSEED is 123 in prefill and 0 in decode, so MooncakeStoreConnector calls one block by different hashes and decode finds nothing of what prefill stored; set PYTHONHASHSEED to the same number in both phases",
            ],
            "two seeds, in every release",
        ),
        (phase(old, &[LMCACHE], SEED), phase(old, &[LMCACHE], SEED), &[], "the same"),
        (phase(old, &[LMCACHE], SEED), phase(old, &[LMCACHE], &[("PYTHONHASHSEED", "$(SEED)")]), &[], "the kubelet knows it"),
        (phase(new, &[LMCACHE], &[]), phase(new, &[LMCACHE], &[]), &[UNSET], "LMCache hashes as Python does, in every release"),
        (phase("other", &[LMCACHE], &[]), phase("other", &[LMCACHE], &[]), &[UNSET], "and in an image of any"),
        (
            phase(new, &[LMCACHE], &[("LMCACHE_PRE_CACHING_HASH_ALGORITHM", "sha256_cbor")]),
            phase(new, &[LMCACHE], &[("LMCACHE_PRE_CACHING_HASH_ALGORITHM", "sha256_cbor")]),
            &[],
            "unless it is told another hash",
        ),
        (
            phase(old, &[LMCACHE], &[("LMCACHE_CONFIG_FILE", "/lmcache.yaml")]),
            phase(old, &[LMCACHE], &[("LMCACHE_CONFIG_FILE", "/lmcache.yaml")]),
            &[UNSET],
            "which vLLM seeds at random before 0.29",
        ),
        (phase(old, &[STORE], &[]), phase(old, &[STORE], &[]), &[STORE_UNSET], "as it does for others"),
        (phase(new, &[STORE], &[]), phase(new, &[STORE], &[]), &[], "and no more from then on"),
        (
            phase(new, &[STORE, "--prefix-caching-hash-algo=xxhash"], &[]),
            phase(new, &[STORE, "--prefix-caching-hash-algo=xxhash"], &[]),
            &[STORE_UNSET],
            "but for one kind of hash",
        ),
        (phase("other", &[STORE], &[]), phase("other", &[STORE], &[]), &[], "an image of any release may"),
        (
            phase(new, &[TIERED], &[]),
            phase(new, &[TIERED], SEED),
            &[
                "warning HashSeedMismatch: spec.serving[0].prefill.engine.env[0].value: PYTHONHASHSEED is 123 in prefill and not set in decode, so OffloadingConnector calls one block by different hashes and decode finds nothing of what prefill stored; set PYTHONHASHSEED to the same number in both phases",
            ],
            "what is offloaded to a place that both share",
        ),
        (phase(new, &[WITH_NIXL], &[]), phase(new, &[WITH_NIXL], &[]), &[UNSET], "within another"),
        (args(&[]), env(SEED), &[], "NIXL needs no hash"),
    ]);
    assert_lines(&lines(&unified(phase(old, &[LMCACHE], &[]))), &[], "one engine finds its own");
}
