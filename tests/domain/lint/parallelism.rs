use serde_json::{Value, json};

use super::{args, assert_found, assert_lines, image, lines, spec_of};

const QUIET: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_load_failure_policy":"fail"}"#;
const MOONCAKE: &str = r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_both"}"#;
const PUSH: &str = r#"--kv-transfer-config={"kv_connector":"NixlPushConnector","kv_role":"$(ROLE)"}"#;

#[test]
fn tensor_parallel_sizes_fit() {
    let old = "vllm/vllm-openai:v0.13.0";
    assert_found(&[
        (args(&["-tp=4"]), args(&["-tp=2"]), &[], "one divides the other"),
        (
            args(&["-tp=4"]),
            args(&["-tp=3"]),
            &[
                "error TpIndivisible: spec.serving[0].prefill.engine.args[1]: the tensor parallel size is 3 in prefill and 4 in decode, so NIXL's handshake fails and every request fails with status 500; choose sizes of which one divides the other",
            ],
            "neither does",
        ),
        (
            image("other", &["-tp=4"]),
            image("other", &["-tp=3"]),
            &[
                "error TpIndivisible: spec.serving[0].prefill.engine.args[1]: the tensor parallel size is 3 in prefill and 4 in decode, so NIXL's handshake fails and every request fails, or decode computes its prompt again; choose sizes of which one divides the other",
            ],
            "in no release",
        ),
        (
            args(&["-tp=2"]),
            args(&["--seed=1", "-tp=4"]),
            &[
                "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[2]: the tensor parallel size is 4 in prefill and 2 in decode: where prefill has more ranks than the model has KV heads, NIXL's handshake fails and every request fails with status 500; give prefill at most that many, or 2 as in decode",
            ],
            "prefill is split further: a known release names no other",
        ),
        (
            image("other", &["-tp=2"]),
            image("other", &["-tp=4"]),
            &[
                "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[1]: the tensor parallel size is 4 in prefill and 2 in decode, so NIXL's handshake fails before vLLM 0.14, and later where prefill has more ranks than the model has KV heads; give prefill 2 as in decode, or later at most that many",
            ],
            "in nobody knows which",
        ),
        (
            image("vllm/vllm-openai:v0.19.1", &[QUIET, "-tp=2"]),
            image("vllm/vllm-openai:v0.19.1", &[QUIET, "-tp=4"]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.19.1 looks it up all the same; take v0.22.0 or later in both phases",
                "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[1]: the tensor parallel size is 4 in prefill and 2 in decode: where prefill has as many ranks as the model has KV heads, or more, NIXL's handshake fails and decode's engine dies of the first request; give prefill fewer, or 2 as in decode",
            ],
            "before 0.20 as many were too many",
        ),
        (
            image(old, &[QUIET, "-tp=2"]),
            image(old, &[QUIET, "-tp=4"]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.13.0 looks it up all the same; take v0.22.0 or later in both phases",
                "error TpPrefillLarger: spec.serving[0].prefill.engine.args[1]: the tensor parallel size is 4 in prefill and 2 in decode, so NIXL's handshake fails and decode's engine dies of the first request: vLLM before 0.14 cannot gather from a larger prefill; give prefill at most 2",
            ],
            "which 0.13 cannot join",
        ),
        (args(&["-tp=$(TP)"]), args(&["-tp=3"]), &[], "the kubelet knows it"),
        (args(&[MOONCAKE, "-tp=4"]), args(&[MOONCAKE, "-tp=3"]), &[], "only NIXL is known"),
    ]);
}

#[test]
fn pulling_needs_all_layers_in_one_place() {
    let new = "vllm/vllm-openai:v0.28.0";
    assert_found(&[
        (
            args(&["-pp=1"]),
            args(&["--pipeline-parallel-size", "2"]),
            &[
                "error PipelineParallel: spec.serving[0].prefill.engine.args[1]: prefill splits the layers over 2 pipeline stages, which NIXL's pull connector cannot transfer; use --tensor-parallel-size instead",
            ],
            "prefill in two stages",
        ),
        (image(new, &[PUSH]), image(new, &[PUSH, "-pp=2"]), &[], "the push connector can"),
    ]);
}

/// An image, what decode and prefill are told behind the transfer, decode's variables, what is found, and why the case is there.
type Latent<'a> = (&'a str, &'a [&'a str], &'a [&'a str], Value, &'a [&'a str], &'a str);

/// Multi-head latent attention keeps the whole cache in every rank, so decode reads it from any.
#[test]
fn latent_attention_may_be_split_further_in_prefill() {
    const LARGER: &str = "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[2]: the tensor parallel size is 8 in prefill and 1 in decode: where prefill has more ranks than the model has KV heads, NIXL's handshake fails and every request fails with status 500; give prefill at most that many, or 1 as in decode";
    const DIES: &str = "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[2]: the tensor parallel size is 8 in prefill and 1 in decode: where prefill has more ranks than the model has KV heads, NIXL's handshake fails and decode's engine dies of the first request; give prefill at most that many, or 1 as in decode";
    let of = |image: &str, decode: &[&str], prefill: &[&str], env: Value| {
        let engine = |args: &[&str], role: &str, env: &Value| {
            let transfer = format!(r#"--kv-transfer-config={{"kv_connector":"NixlConnector","kv_role":"{role}"}}"#);
            let args: Vec<&str> = [transfer.as_str()].iter().chain(args).copied().collect();
            json!({"name": "vLLM", "image": image, "args": args, "env": env})
        };
        let spec = spec_of(json!({
            "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
            "engine": engine(decode, "kv_consumer", &env),
            "prefill": {"engine": engine(prefill, "kv_producer", &json!([])), "resources": {}},
        }));
        let ours = |finding: &String| finding.contains("TpPrefillLarger");
        lines(&spec).into_iter().filter(ours).collect::<Vec<_>>()
    };
    let none = || json!([]);
    let new = "vllm/vllm-openai:v0.24.0";
    let cases: [Latent<'_>; 10] = [
        (new, &["--attention-backend", "FLASHINFER_MLA_SPARSE"], &["--seed=1", "-tp=8"], none(), &[], "decode says so"),
        (new, &["-dp=8"], &["--attention-backend=cutlass_mla", "-tp=8"], none(), &[], "prefill does, in small letters"),
        (new, &["--attention-config.backend", "FLASHMLA"], &["--seed=1", "-tp=8"], none(), &[], "by a dotted key"),
        (new, &[r#"-ac={"backend":"TRITON_MLA"}"#], &["--seed=1", "-tp=8"], none(), &[], "in an object"),
        ("other", &["--attention-backend=FLASHMLA"], &["--seed=1", "-tp=8"], none(), &[], "in an image that may be any release"),
        (
            "other",
            &[],
            &["--seed=1", "-tp=8"],
            json!([{"name": "VLLM_ATTENTION_BACKEND", "value": "FLASHMLA"}]),
            &[],
            "by the variable, which some release of it may read",
        ),
        (
            new,
            &[],
            &["--seed=1", "-tp=8"],
            json!([{"name": "VLLM_ATTENTION_BACKEND", "value": "FLASHMLA"}]),
            &[LARGER],
            "which 0.24 does not",
        ),
        (new, &["--attention-backend=FLASHINFER"], &["--seed=1", "-tp=8"], none(), &[LARGER], "another attention"),
        (
            "vllm/vllm-openai:v0.21.0",
            &["--attention-backend=FLASHMLA"],
            &["--seed=1", "-tp=8"],
            none(),
            &[],
            "the first release that exempts it",
        ),
        (
            "vllm/vllm-openai:v0.20.2",
            &["--attention-backend=FLASHMLA"],
            &["--seed=1", "-tp=8"],
            none(),
            &[DIES],
            "and the last that does not",
        ),
    ];
    for (image, decode, prefill, env, found, reason) in cases {
        assert_lines(&of(image, decode, prefill, env), found, reason);
    }
}
