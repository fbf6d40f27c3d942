use super::{args, assert_found, assert_lines, image, lines, unified};

const ALONE: &[&str] = &[r#"--kv-transfer-config={"kv_connector":"OffloadingConnector"}"#];

#[test]
fn every_connector_has_a_role_that_suits_its_phase() {
    assert_found(&[
        (
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#]),
            &[],
            "each its own",
        ),
        (
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector"}"#]),
            args(&[]),
            &[
                r#"error KvRole: spec.serving[0].engine.args[0]: decode exits at start because NixlConnector has no kv_role; set it to "kv_consumer""#,
            ],
            "none",
        ),
        (
            args(&[]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"producer"}"#]),
            &[
                r#"error KvRole: spec.serving[0].prefill.engine.args[0]: prefill exits at start because kv_role of NixlConnector is "producer"; set it to "kv_producer""#,
            ],
            "no such role",
        ),
        (args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)"}"#]), args(&[]), &[], "the kubelet knows it"),
        (
            args(&[]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#]),
            &[
                r#"warning KvRole: spec.serving[0].prefill.engine.args[0]: kv_role of NixlConnector is kv_consumer in prefill, which only works as long as it ignores it; set kv_role to "kv_producer""#,
            ],
            "NIXL ignores it",
        ),
        (
            args(&[r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_producer"}"#]),
            args(&[r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_consumer"}"#]),
            &[
                r#"error KvRole: spec.serving[0].engine.args[0]: MooncakeConnector carries the wrong way with kv_producer in decode, so nothing transfers; set kv_role to "kv_consumer""#,
                r#"error KvRole: spec.serving[0].prefill.engine.args[0]: MooncakeConnector carries the wrong way with kv_consumer in prefill, so nothing transfers; set kv_role to "kv_producer""#,
            ],
            "the other way round",
        ),
        (
            args(&[
                r#"--kv-transfer-config={"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"NixlConnector","kv_role":"kv_producer"},{"kv_connector":"OffloadingConnector"}]}}"#,
            ]),
            args(&[]),
            &[
                r#"error KvRole: spec.serving[0].engine.args[0]: decode exits at start because OffloadingConnector has no kv_role; set it to "kv_consumer" or "kv_both""#,
            ],
            "each of several needs one, and what stops the engine is said first",
        ),
    ]);
    assert_lines(
        &lines(&unified(args(ALONE))),
        &[
            r#"error KvRole: spec.serving[0].engine.args[0]: the engine exits at start because OffloadingConnector has no kv_role; set it to "kv_both""#,
        ],
        "Unified, too",
    );
}

/// vLLM warns of it since 0.23.0, in the log, and means to refuse it.
#[test]
fn nixl_is_told_which_way_it_carries() {
    const BOTH: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}"#;
    const PUSH: &str = r#"--kv-transfer-config={"kv_connector":"NixlPushConnector","kv_role":"kv_both"}"#;
    const MULTI: &str = r#"--kv-transfer-config={"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"NixlConnector","kv_role":"kv_both"},{"kv_connector":"OffloadingConnector","kv_role":"kv_both"}]}}"#;
    const MOONCAKE: &str = r#"--kv-transfer-config={"kv_connector":"MooncakeConnector","kv_role":"kv_both"}"#;
    let (new, old) = ("vllm/vllm-openai:v0.23.0", "vllm/vllm-openai:v0.22.1");
    assert_found(&[
        (
            image(new, &[BOTH]),
            image(new, &[BOTH]),
            &[
                r#"warning KvRole: spec.serving[0].engine.args[0]: kv_role of NixlConnector is kv_both in decode, which vLLM has deprecated since 0.23.0 and a later release will refuse; set kv_role to "kv_consumer""#,
                r#"warning KvRole: spec.serving[0].prefill.engine.args[0]: kv_role of NixlConnector is kv_both in prefill, which vLLM has deprecated since 0.23.0 and a later release will refuse; set kv_role to "kv_producer""#,
            ],
            "the first release that warns",
        ),
        (image(old, &[BOTH]), image(old, &[BOTH]), &[], "and the last that does not"),
        (image("other", &[BOTH]), image("other", &[BOTH]), &[], "in an image of any release"),
        (
            args(&[PUSH]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlPushConnector","kv_role":"kv_producer"}"#]),
            &[
                r#"warning KvRole: spec.serving[0].engine.args[0]: kv_role of NixlPushConnector is kv_both in decode, which vLLM has deprecated since 0.23.0 and a later release will refuse; set kv_role to "kv_consumer""#,
            ],
            "the push connector, too",
        ),
        (
            args(&[MULTI]),
            args(&[]),
            &[
                r#"warning KvRole: spec.serving[0].engine.args[0]: kv_role of NixlConnector is kv_both in decode, which vLLM has deprecated since 0.23.0 and a later release will refuse; set kv_role to "kv_consumer""#,
            ],
            "within another, of which nothing is said",
        ),
        (args(&[MOONCAKE]), args(&[MOONCAKE]), &[], "others go on taking it"),
    ]);
    assert_lines(&lines(&unified(args(&[BOTH]))), &[], "nothing else suits an engine that is both");
}

#[test]
fn only_a_producer_splits_prompts_over_ranks() {
    const CONSUMER: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#;
    const BOTH: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}"#;
    const PCP: &str = "--prefill-context-parallel-size=2";
    let (new, old) = ("vllm/vllm-openai:v0.29.0", "vllm/vllm-openai:v0.28.0");
    assert_found(&[
        (image(new, &[]), image(new, &[super::NIXL[1], PCP]), &[], "prefill that produces"),
        (
            image(new, &[CONSUMER, PCP]),
            image(new, &[BOTH, PCP]),
            &[
                "error KvRole: spec.serving[0].engine.args[0]: decode exits at start because NixlConnector takes --prefill-context-parallel-size above 1 with no kv_role but kv_producer; remove --prefill-context-parallel-size",
                r#"error KvRole: spec.serving[0].prefill.engine.args[0]: prefill exits at start because NixlConnector takes --prefill-context-parallel-size above 1 with no kv_role but kv_producer; set kv_role to "kv_producer""#,
            ],
            "others, from the release on that has it",
        ),
        (image(old, &[CONSUMER, PCP]), image(old, &[]), &[], "before it, the role does nothing"),
    ]);
}
