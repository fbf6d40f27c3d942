use super::{args, assert_found, image, lines, unified};

#[test]
fn an_image_with_nixl_is_needed_for_nixl() {
    let old = "vllm/vllm-openai:v0.10.1.1";
    assert_found(&[(
        image(old, &[]),
        image(old, &[]),
        &[
            r#"error ImageWithoutNixl: spec.serving[0].engine.image: decode exits at start with "NIXL is not available" because the official image of vLLM 0.10.1 is built without it; take v0.10.2 or later"#,
            r#"error ImageWithoutNixl: spec.serving[0].prefill.engine.image: prefill exits at start with "NIXL is not available" because the official image of vLLM 0.10.1 is built without it; take v0.10.2 or later"#,
        ],
        "the last release whose image is built without",
    )]);
    assert_found(&[(
        image(
            "vllm/vllm-openai-rocm:v0.20.1",
            &[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both","kv_load_failure_policy":"fail"}"#],
        ),
        image("vllm/vllm-openai-rocm:v0.20.1", &[]),
        &[
            "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.20.1 looks it up all the same; take v0.22.0 or later in both phases",
            r#"error ImageWithoutNixl: spec.serving[0].engine.image: decode exits at start with "NIXL is not available" because the official ROCm image of vLLM 0.20.1 is built without it; take v0.21.0 or later"#,
            r#"error ImageWithoutNixl: spec.serving[0].prefill.engine.image: prefill exits at start with "NIXL is not available" because the official ROCm image of vLLM 0.20.1 is built without it; take v0.21.0 or later"#,
        ],
        "for AMD that took longer",
    )]);
    let of = |reference| !lines(&unified(image(reference, &[super::NIXL[0]]))).is_empty();
    let cases = [
        ("vllm/vllm-openai:v0.9.1", true, "an old release"),
        ("docker.io/vllm/vllm-openai:v0.9.1", true, "with its registry"),
        ("index.docker.io/vllm/vllm-openai:v0.9.1", true, "by its other name"),
        ("vllm/vllm-openai:v0.9.1-cu128", true, "a build of it"),
        ("vllm/vllm-openai:v0.9.1@sha256:0123", true, "with a digest"),
        ("vllm/vllm-openai:v0.8.5.post1", true, "a mended release"),
        ("vllm/vllm-openai:v0.10.0", true, "0.10.0 and 0.10.1 install LMCache only"),
        ("vllm/vllm-openai:v0.10.2", false, "the first with NIXL"),
        ("vllm/vllm-openai:v0.19.1-x86_64-cu130", false, "a new one"),
        ("vllm/vllm-openai:v1.0.0", false, "a much later one"),
        ("vllm/vllm-openai:v0.9.1rc1", false, "a candidate is no release"),
        ("vllm/vllm-openai:v0.9.1-rc1", false, "however it is written"),
        ("vllm/vllm-openai:v0.9", false, "no full version"),
        ("vllm/vllm-openai:0.9.1", false, "not how vLLM tags its images"),
        ("vllm/vllm-openai:latest", false, "any release"),
        ("vllm/vllm-openai", false, "no tag"),
        ("vllm/vllm-openai@sha256:0123", false, "a digest alone"),
        ("vllm/vllm-openai-rocm:v0.20.2", true, "the last for AMD without"),
        ("docker.io/vllm/vllm-openai-rocm:v0.14.0@sha256:0123", true, "an older one, with registry and digest"),
        ("vllm/vllm-openai-rocm:v0.21.0", false, "the first for AMD with it"),
        ("vllm/vllm-openai-rocm:v0.20.0rc1", false, "a candidate is no release there either"),
        ("vllm/vllm-openai-xpu:v0.20.2", false, "for others nobody knows"),
        ("rocm/vllm:v0.20.2", false, "nor for AMD's own"),
        ("quay.io/vllm/vllm-openai:v0.9.1", false, "from elsewhere: its content is not known"),
    ];
    for (reference, found, reason) in cases {
        assert_eq!(of(reference), found, "{reference}: {reason}");
    }
    let without = unified(image(old, &["--kv-transfer-config={}"]));
    assert_eq!(lines(&without), Vec::<String>::new(), "without NIXL any image will do");
}

#[test]
fn both_phases_run_one_image() {
    assert_found(&[
        (image("docker.io/vllm/vllm-openai:v0.32.0", &[]), args(&[]), &[], "one image, written in two ways"),
        (
            image("registry.example/vllm:a", &[]),
            image("registry.example/vllm:b", &[]),
            &[
                "warning ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs registry.example/vllm:b and decode registry.example/vllm:a: where their vLLM differs, every request fails, or decode computes its prompt again; run one image in both phases",
            ],
            "two",
        ),
        (
            image("vllm/vllm-openai:v0.32.0", &[]),
            image("vllm/vllm-openai:v0.19.0", &[]),
            &[
                "error ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs vLLM 0.19.0 and decode 0.32.0, so every request fails with status 500; run one image in both phases",
            ],
            "two releases, of which the newer compares",
        ),
        (
            image("vllm/vllm-openai:v0.32.0", &[]),
            image("vllm/vllm-openai:v0.32.0-cu129", &[]),
            &[
                "warning ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs vllm/vllm-openai:v0.32.0-cu129 and decode vllm/vllm-openai:v0.32.0: where their vLLM differs, every request fails with status 500; run one image in both phases",
            ],
            "two builds of one release",
        ),
    ]);
}

/// What is in both flavours of a release is the same vLLM.
#[test]
fn an_image_for_amd_is_read_as_its_release_is() {
    assert_found(&[(
        image("vllm/vllm-openai-rocm:v0.24.0", &["--swap-space=4", "--dtype=half"]),
        image("vllm/vllm-openai-rocm:v0.24.0-rocm700", &["--dtype=bfloat16"]),
        &[
            "error OptionUnknown: spec.serving[0].engine.args[1]: decode exits at start because vLLM has had no --swap-space since 0.18.0; remove it: nothing is swapped to the CPU any more",
            "warning ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs vllm/vllm-openai-rocm:v0.24.0-rocm700 and decode vllm/vllm-openai-rocm:v0.24.0: where their vLLM differs, every request fails with status 500; run one image in both phases",
            "error DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --dtype is bfloat16 in prefill and float16 in decode, so every request fails with status 500; give both phases the same",
        ],
        "options and handshake",
    )]);
}
