use super::{Phase, args, assert_found, env, image};

/// Where vLLM hides failures unless it is told to fail.
const FAIL: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_load_failure_policy":"fail"}"#;

#[test]
fn cached_blocks_mean_the_same_in_both_phases() {
    assert_found(&[
        (args(&["--dtype=bfloat16"]), args(&["--dtype", "bfloat16"]), &[], "the same in two spellings"),
        (args(&["--dtype=half"]), args(&["--dtype=float16"]), &[], "the same in two words"),
        (args(&["--dtype=auto", "--kv-cache-dtype=fp8"]), args(&["--kv-cache-dtype=fp8_e4m3"]), &[], "auto is what vLLM takes anyway"),
        (
            args(&["--seed=1", "--kv-cache-dtype=fp8"]),
            args(&[]),
            &[
                "warning DtypeMismatch: spec.serving[0].engine.args[2]: --kv-cache-dtype is the model's own in prefill and fp8 in decode: unless these are the same, every request fails with status 500; give both phases the same",
            ],
            "only decode compresses: said where it is",
        ),
        (
            args(&["--dtype=bfloat16"]),
            args(&["--dtype=float32"]),
            &[
                "error DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --dtype is float32 in prefill and bfloat16 in decode, so every request fails with status 500; give both phases the same",
            ],
            "both say what they are",
        ),
        (
            image("vllm/vllm-openai:v0.13.0", &[FAIL, "--dtype=bfloat16"]),
            image("vllm/vllm-openai:v0.13.0", &[FAIL, "--dtype=float32"]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.13.0 looks it up all the same; take v0.22.0 or later in both phases",
                "error DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --dtype is float32 in prefill and bfloat16 in decode, so decode's engine dies of the first request; give both phases the same",
            ],
            "the first release that compares",
        ),
        (
            image("vllm/vllm-openai:v0.12.0", &["--dtype=bfloat16"]),
            image("vllm/vllm-openai:v0.12.0", &["--dtype=float32"]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.12.0 looks it up all the same; take v0.22.0 or later in both phases",
                "warning DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --dtype is float32 in prefill and bfloat16 in decode, so decode refuses the cached blocks, or reads them as something else; give both phases the same",
            ],
            "and the last that does not",
        ),
        (
            image("other", &["--dtype=bfloat16"]),
            image("other", &["--dtype=float32"]),
            &[
                "warning DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --dtype is float32 in prefill and bfloat16 in decode, so decode refuses the cached blocks, or reads them as something else; give both phases the same",
            ],
            "in somebody's own image",
        ),
        (args(&["--kv-cache-dtype=$(D)"]), args(&["--kv-cache-dtype=fp8"]), &[], "the kubelet knows one of them"),
        (
            args(&["--quantization=fp8", "--max-model-len=8192"]),
            args(&["-q", "awq", "--max-model-len=4096"]),
            &[
                "warning DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --quantization is awq in prefill and fp8 in decode, so decode goes on with another model's cache; give both phases the same",
                "warning DtypeMismatch: spec.serving[0].prefill.engine.args[3]: --max-model-len is 4096 in prefill and 8192 in decode, so one phase refuses prompts that the other accepts; give both phases the same",
            ],
            "advice",
        ),
        (args(&["--attention-backend=flashinfer"]), args(&["--attention-backend=FLASHINFER"]), &[], "the case does not matter"),
        (args(&["--attention-backend=FLASHINFER"]), args(&["--attention-config.backend=FLASHINFER"]), &[], "said in another way"),
        (
            args(&["--attention-backend=FLASHINFER"]),
            args(&["--attention-backend=FLASH_ATTN"]),
            &[
                "warning DtypeMismatch: spec.serving[0].prefill.engine.args[1]: the attention backend is FLASH_ATTN in prefill and FLASHINFER in decode: unless these are the same, every request fails with status 500; choose the same",
            ],
            "two backends",
        ),
        (env(&[("VLLM_ATTENTION_BACKEND", "FLASHINFER")]), args(&[]), &[], "0.32 does not read the variable"),
        (
            Phase { image: Some("vllm/vllm-openai:v0.12.0"), ..env(&[("VLLM_ATTENTION_BACKEND", "FLASHINFER")]) },
            image("vllm/vllm-openai:v0.12.0", &[]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.12.0 looks it up all the same; take v0.22.0 or later in both phases",
                "warning DtypeMismatch: spec.serving[0].engine.env[0].value: the attention backend is vLLM's choice in prefill and FLASHINFER in decode: unless these are the same, decode refuses the cached blocks, or reads them as something else; choose the same",
            ],
            "0.12 does, which compares sizes only",
        ),
        (args(&["--dtype=half", "$(X)"]), args(&["--dtype=bfloat16"]), &[], "something behind it may undo it"),
    ]);
}

#[test]
fn the_cache_is_laid_out_alike() {
    assert_found(&[
        (
            image("vllm/vllm-openai:v0.33.0", &["--no-disable-hybrid-kv-cache-manager"]),
            image("vllm/vllm-openai:v0.33.0", &["--enable-hybrid-kv-cache-manager"]),
            &[],
            "on by two names",
        ),
        (
            args(&["--no-disable-hybrid-kv-cache-manager"]),
            args(&[]),
            &[
                "warning HybridKvMismatch: spec.serving[0].engine.args[1]: --disable-hybrid-kv-cache-manager is vLLM's choice in prefill and off in decode: unless that is the same, every request fails with status 500; set it alike in both phases",
            ],
            "one phase only",
        ),
        (
            args(&["--no-disable-hybrid-kv-cache-manager"]),
            args(&["--disable-hybrid-kv-cache-manager"]),
            &[
                "error HybridKvMismatch: spec.serving[0].prefill.engine.args[1]: --disable-hybrid-kv-cache-manager is on in prefill and off in decode, so every request fails with status 500; set it alike in both phases",
            ],
            "against one another",
        ),
        (
            image("vllm/vllm-openai:v0.17.1", &["--no-disable-hybrid-kv-cache-manager"]),
            image("vllm/vllm-openai:v0.17.1", &["--disable-hybrid-kv-cache-manager"]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.17.1 looks it up all the same; take v0.22.0 or later in both phases",
                "warning HybridKvMismatch: spec.serving[0].prefill.engine.args[1]: --disable-hybrid-kv-cache-manager is on in prefill and off in decode, so their caches may be laid out differently; set it alike in both phases",
            ],
            "before 0.18 nobody compares it",
        ),
        (
            image("vllm/vllm-openai:v0.21.0", &[]),
            image("vllm/vllm-openai:v0.21.0", &["--disable-hybrid-kv-cache-manager"]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.21.0 looks it up all the same; take v0.22.0 or later in both phases",
            ],
            "with a connector 0.21 switches it off anyway",
        ),
        (args(&["--config=a.yaml"]), args(&["--disable-hybrid-kv-cache-manager"]), &[], "a file may say the same"),
        (env(&[("VLLM_KV_CACHE_LAYOUT", "HND")]), args(&[]), &[], "what NIXL chooses"),
        (
            env(&[("VLLM_KV_CACHE_LAYOUT", "NHD")]),
            args(&[]),
            &[
                "warning KvLayoutMismatch: spec.serving[0].engine.env[0].value: VLLM_KV_CACHE_LAYOUT is HND in prefill and NHD in decode, so decode refuses the cached blocks; set the same in both phases, or neither",
            ],
            "something else",
        ),
        (env(&[("VLLM_KV_CACHE_LAYOUT", "NHD")]), env(&[("VLLM_KV_CACHE_LAYOUT", "$(LAYOUT)")]), &[], "the kubelet knows it"),
    ]);
}

#[test]
fn blocks_are_of_sizes_that_fit() {
    let old = "vllm/vllm-openai:v0.11.0";
    assert_found(&[
        (image(old, &["--block-size=64"]), image(old, &["--block-size=64"]), &[], "equal"),
        (
            image(old, &["--block-size=128"]),
            image(old, &["--block-size=64"]),
            &[
                "error BlockSizeMismatch: spec.serving[0].prefill.engine.args[1]: --block-size is 64 in prefill and 128 in decode, so every transfer fails: vLLM before 0.11.1 needs equal sizes; set the same in both phases",
            ],
            "before 0.11.1 nothing else will do",
        ),
        (
            image(old, &["--block-size=128"]),
            image(old, &[]),
            &[
                "warning BlockSizeMismatch: spec.serving[0].engine.args[1]: --block-size is vLLM's choice in prefill and 128 in decode: unless that is the same, requests fail, or are answered wrong; set the same in both phases",
            ],
            "what vLLM chooses is not known",
        ),
        (args(&["--block-size=$(SIZE)"]), args(&["--block-size=64"]), &[], "the kubelet knows it"),
        (args(&["--block-size=064"]), args(&["--block-size=64"]), &[], "one number in two spellings"),
        (
            args(&["--block-size=128"]),
            args(&["--block-size=64"]),
            &[
                "warning BlockSizeMismatch: spec.serving[0].prefill.engine.args[1]: --block-size is 64 in prefill and 128 in decode: where that was tried, on CPUs with vLLM 0.19.0 and 0.32.0, answers were wrong and had status 200; set the same in both phases",
            ],
            "a multiple",
        ),
        (
            args(&["--block-size=128"]),
            args(&["--block-size=64", "-tp=2"]),
            &[
                "warning BlockSizeMismatch: spec.serving[0].prefill.engine.args[1]: --block-size is 64 in prefill and 128 in decode: unless the attention backend cuts both into blocks that fit, every request fails with status 500; set the same in both phases",
                "warning TpPrefillLarger: spec.serving[0].prefill.engine.args[2]: the tensor parallel size is 2 in prefill and 1 in decode: where prefill has more ranks than the model has KV heads, NIXL's handshake fails and every request fails with status 500; give prefill at most that many, or 1 as in decode",
            ],
            "no multiple will do where prefill is split further",
        ),
        (
            args(&["--block-size=16"]),
            args(&["--block-size=32"]),
            &[
                "warning BlockSizeMismatch: spec.serving[0].prefill.engine.args[1]: --block-size is 32 in prefill and 16 in decode: unless the attention backend cuts both into blocks that fit, every request fails with status 500; set the same in both phases",
            ],
            "no multiple: the backend decides",
        ),
        (
            image("other", &["--block-size=16"]),
            image("other", &["--block-size=32"]),
            &[
                "warning BlockSizeMismatch: spec.serving[0].prefill.engine.args[1]: --block-size is 32 in prefill and 16 in decode: unless the attention backend cuts both into blocks that fit, every request fails, or decode computes its prompt again; set the same in both phases",
            ],
            "in somebody's own image",
        ),
        (
            args(&[r#"--kv-transfer-config={"kv_connector":"MoRIIOConnector","kv_role":"kv_both"}"#, "--block-size=16"]),
            args(&[r#"--kv-transfer-config={"kv_connector":"MoRIIOConnector","kv_role":"kv_both"}"#, "--block-size=32"]),
            &[],
            "only NIXL is known",
        ),
    ]);
}
