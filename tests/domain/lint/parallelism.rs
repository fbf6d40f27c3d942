use super::{args, assert_found, image};

const QUIET: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both","kv_load_failure_policy":"fail"}"#;
const MOONCAKE: &str = r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_both"}"#;
const PUSH: &str = r#"--kv-transfer-config={"kv_connector":"NixlPushConnector","kv_role":"kv_both"}"#;

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
                "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[2]: the tensor parallel size is 4 in prefill and 2 in decode, so NIXL's handshake fails before vLLM 0.14, and later where prefill has more ranks than the model has KV heads; give prefill at most 2",
            ],
            "prefill is split further",
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
