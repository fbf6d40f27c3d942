use super::{args, assert_found, assert_lines, image, lines, unified};

const P2P: &str = r#"--kv-transfer-config={"kv_connector":"P2pNcclConnector","kv_role":"kv_both"}"#;
const PUSH: &str = r#"--kv-transfer-config={"kv_connector":"NixlPushConnector","kv_role":"$(ROLE)"}"#;
const PULL: &str = r#"--kv-transfer-config={"kv_connector":"NixlPullConnector","kv_role":"$(ROLE)"}"#;
const OFFLOAD: &str = r#"--kv-transfer-config={"kv_connector":"OffloadingConnector","kv_role":"kv_both"}"#;
const TIERED: &str = r#"--kv-transfer-config={"kv_connector":"OffloadingConnector","kv_role":"kv_both","kv_connector_extra_config":{"spec_name":"TieringOffloadingSpec"}}"#;
const NIXL_AND_OFFLOAD: &str = r#"--kv-transfer-config={"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"NixlConnector","kv_role":"$(ROLE)"},{"kv_connector":"OffloadingConnector","kv_role":"kv_both"}]}}"#;
const NIXL_AND_STORE: &str = r#"--kv-transfer-config={"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"NixlConnector","kv_role":"$(ROLE)"},{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}]}}"#;
const WITH_LETTERS: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer","kv_connector_extra_config":{"a\"1g":"1g","bytes":80g}}"#;
const OWN: &str = r#"--kv-transfer-config={"kv_connector":"MyDecode","kv_role":"kv_both","kv_connector_module_path":"mine.decode"}"#;
const OTHER_OWN: &str =
    r#"--kv-transfer-config={"kv_connector":"MyPrefill","kv_role":"kv_both","kv_connector_module_path":"mine.prefill"}"#;

#[test]
fn both_phases_name_a_connector_that_transfers() {
    let none = args(&["--kv-transfer-config={}"]);
    assert_found(&[
        (args(&[]), args(&[]), &[], "both have one"),
        (
            none,
            args(&[]),
            &[
                r#"error KvConnectorMissing: spec.serving[0].engine.args[0]: decode names no connector that transfers the KV cache, so decode silently computes every prompt again; give it --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
            ],
            "an empty object names none",
        ),
        (
            args(&[]),
            args(&[OFFLOAD]),
            &[
                r#"error KvConnectorMissing: spec.serving[0].prefill.engine.args[0]: prefill names no connector that transfers the KV cache, so decode silently computes every prompt again; give it --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#,
            ],
            "what is offloaded stays with its engine",
        ),
        (args(&[TIERED]), args(&[TIERED]), &[], "unless it goes to a place that both may share"),
        (
            args(&["--kv-transfer-config.kv_connector=NixlConnector", "--kv-transfer-config.kv_role=kv_consumer"]),
            args(&[]),
            &[],
            "dotted keys name one as well",
        ),
        (
            args(&[r#"--kv-transfer-config={"kv_connector":null}"#]),
            args(&["$(MORE)"]),
            &[
                r#"error KvConnectorMissing: spec.serving[0].engine.args[0]: decode names no connector that transfers the KV cache, so decode silently computes every prompt again; give it --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
            ],
            "what is hidden in one phase does not excuse the other",
        ),
        (
            args(&["--kv-transfer-config=$(KV)"]),
            args(&[r#"--kv-transfer-config={"kv_connector":"$(C)","kv_role":"kv_both"}"#]),
            &[],
            "what the kubelet fills in may be one",
        ),
    ]);
}

#[test]
fn arguments_elsewhere_may_hold_the_connector() {
    let nothing = super::spec_of(serde_json::json!({
        "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
        "engine": {"name": "vLLM", "image": "other", "env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": "--kv-transfer-config={}"}]},
        "prefill": {"engine": {"name": "vLLM", "image": "other"}, "resources": {"gpu": 1}},
    }));
    assert_lines(
        &lines(&nothing),
        &[
            r#"error KvConnectorMissing: spec.serving[0].prefill.engine.args: prefill names no connector that transfers the KV cache, so decode silently computes every prompt again; give it --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#,
        ],
        "in a variable for decode, nowhere for prefill",
    );
}

#[test]
fn both_phases_name_connectors_that_meet() {
    let new = "vllm/vllm-openai:v0.26.0";
    let old = "vllm/vllm-openai:v0.20.2";
    assert_found(&[
        (
            image(old, &[P2P]),
            image(old, &[]),
            &[
                "error KvConnectorMismatch: spec.serving[0].prefill.engine.args[0]: decode transfers with P2pNcclConnector and prefill with NixlConnector, which never meet, so decode computes every prompt again; name the same connector in both phases",
            ],
            "two that never meet",
        ),
        (image(new, &[PULL]), image(new, &[]), &[], "one that goes by two names"),
        (
            image(new, &[PUSH]),
            image(new, &[]),
            &[
                "error KvConnectorMismatch: spec.serving[0].prefill.engine.args[0]: decode transfers with NixlPushConnector and prefill with NixlConnector, which never meet, so every request fails with status 500; name the same connector in both phases",
            ],
            "one reads, the other writes",
        ),
        (args(&[NIXL_AND_OFFLOAD]), args(&[]), &[], "offloading is nobody else's business"),
        (
            args(&[]),
            args(&[NIXL_AND_STORE]),
            &[
                "warning KvConnectorMismatch: spec.serving[0].prefill.engine.args[0]: decode transfers with NixlConnector and prefill with NixlConnector and LMCacheConnectorV1, so only what both have transfers, and nothing where one switches off the hybrid KV cache manager; name the same connectors in both phases",
            ],
            "one in common is enough to transfer",
        ),
        (
            args(&[OWN]),
            args(&[OTHER_OWN]),
            &[
                "warning KvConnectorMismatch: spec.serving[0].prefill.engine.args[0]: decode transfers with MyDecode and prefill with MyPrefill: unless these meet, decode computes every prompt again; name the same connector in both phases",
            ],
            "somebody's own may be two ends of one",
        ),
        (args(&[TIERED]), args(&[]), &[], "a shared place may be one as well"),
    ]);
}

#[test]
fn the_transfer_is_a_json_object() {
    assert_found(&[
        (
            args(&["--kv-transfer-config={kv_connector: NixlConnector}"]),
            args(&[]),
            &[
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because --kv-transfer-config is no JSON object; write one, as in --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
            ],
            "no JSON",
        ),
        (
            args(&[]),
            args(&["--kv-transfer-config", "--enforce-eager"]),
            &[
                r#"error KvConfigInvalid: spec.serving[0].prefill.engine.args[0]: prefill exits at start because --kv-transfer-config has no value; write one, as in --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#,
            ],
            "no value",
        ),
        (
            args(&["--kv-transfer-config=[]"]),
            args(&["--kv_transfer_config='{}'"]),
            &[
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because --kv-transfer-config is no JSON object; write one, as in --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
                r#"error KvConfigInvalid: spec.serving[0].prefill.engine.args[0]: prefill exits at start because --kv-transfer-config is no JSON object; write one, as in --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#,
            ],
            "a list; and quotes that no shell removes",
        ),
        (args(&["--kv-transfer-config={\"kv_connector\":$(C)}"]), args(&[]), &[], "what the kubelet makes of it may be JSON"),
        (image("vllm/vllm-openai:v0.22.0", &[WITH_LETTERS]), image("vllm/vllm-openai:v0.22.0", &[]), &[], "vLLM reads 80g as a number"),
        (
            image("vllm/vllm-openai:v0.11.0", &[WITH_LETTERS]),
            image("vllm/vllm-openai:v0.11.0", &[]),
            &[
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because --kv-transfer-config is no JSON object; write one, as in --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
            ],
            "but not before 0.20",
        ),
        (
            args(&[r#"--kv-transfer-config={"kv_connector":["NixlConnector"]}"#]),
            args(&[]),
            &[
                "error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because the value of kv_connector in --kv-transfer-config is of another type; make it a string",
            ],
            "another shape",
        ),
    ]);
    assert_lines(
        &lines(&unified(args(&["--kv-transfer-config=x"]))),
        &[
            r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: the engine exits at start because --kv-transfer-config is no JSON object; write one, as in --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
        ],
        "Unified, too",
    );
}

#[test]
fn the_images_vllm_has_the_connector() {
    let of = |tag, name| {
        let json = format!(r#"--kv-transfer-config={{"kv_connector":"{name}","kv_role":"kv_both"}}"#);
        let spec =
            super::spec_of(serde_json::json!({"engine": {"name": "vLLM", "image": format!("vllm/vllm-openai:{tag}"), "args": [json]}}));
        lines(&spec)
    };
    let cases: [(&str, &str, &[&str], &str); 12] = [
        (
            "v0.10.2",
            "MooncakeConnector",
            &[
                "error ConnectorUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.10.2 lacks MooncakeConnector: vLLM has it before 0.10.1, or from 0.13.0; take another connector or image, or name its code in kv_connector_module_path",
            ],
            "gone and come back",
        ),
        ("v0.13.0", "MooncakeConnector", &[], "back"),
        ("v0.23.0", "P2pNcclConnector", &[], "the last that has it"),
        (
            "v0.24.0",
            "P2pNcclConnector",
            &[
                "error ConnectorUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.24.0 lacks P2pNcclConnector: vLLM has it from 0.9.2 and before 0.24.0; take another connector or image, or name its code in kv_connector_module_path",
            ],
            "gone",
        ),
        (
            "v0.23.0",
            "NixlPushConnector",
            &[
                "error ConnectorUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.23.0 lacks NixlPushConnector: vLLM has it from 0.24.0; take another connector or image, or name its code in kv_connector_module_path",
            ],
            "not yet",
        ),
        (
            "v0.10.2",
            "OffloadingConnector",
            &[
                "error ConnectorUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.10.2 lacks OffloadingConnector: vLLM has it from 0.11.0; take another connector or image, or name its code in kv_connector_module_path",
            ],
            "not yet",
        ),
        (
            "v0.13.0",
            "SharedStorageConnector",
            &[
                "error ConnectorUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.13.0 lacks SharedStorageConnector: vLLM has it before 0.13.0; take another connector or image, or name its code in kv_connector_module_path",
            ],
            "it is ExampleConnector now",
        ),
        (
            "v0.19.0",
            "NixlConector",
            &[
                "error ConnectorUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.19.0 lacks NixlConector: no release up to 0.33 has it; take another connector or image, or name its code in kv_connector_module_path",
            ],
            "misspelt",
        ),
        ("v0.34.0", "NixlConector", &[], "what a later release has is not known"),
        ("v0.8.5", "P2pNcclConnector", &[], "nor what an earlier one had"),
        ("nightly", "P2pNcclConnector", &[], "nor what any other image has"),
        ("v0.19.0", "", &[], "nobody's name"),
    ];
    for (tag, name, found, reason) in cases {
        assert_lines(&of(tag, name), found, &format!("{name} in {tag}: {reason}"));
    }
    assert_lines(&lines(&unified(image("vllm/vllm-openai:v0.12.0", &[OWN]))), &[], "code of one's own comes with the image");
}

#[test]
fn nothing_pins_an_engine_and_nothing_hides_failures() {
    let old = "vllm/vllm-openai:v0.16.0";
    assert_found(&[
        (
            args(&[]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","engine_id":"prefill-0"}"#]),
            &[
                r#"warning EngineIdPinned: spec.serving[0].prefill.engine.args[0]: prefill keeps engine_id "prefill-0" when it restarts, and every pod has the same, so when prefill restarts, decode goes on with addresses that are gone and no request is answered; leave engine_id out and vLLM makes one up"#,
            ],
            "pinned",
        ),
        (
            args(&[]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","engine_id":"$(POD_NAME)"}"#]),
            &[],
            "every pod has a name of its own",
        ),
        (
            image(old, &[]),
            image(old, &[]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.16.0 looks it up all the same; take v0.22.0 or later in both phases",
                r#"warning SilentRecompute: spec.serving[0].engine.args[0]: decode computes a prompt again whenever its transfer fails, and nobody sees it; set "kv_load_failure_policy":"fail" in --kv-transfer-config"#,
            ],
            "the default is to compute again",
        ),
        (
            image(
                old,
                &[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_load_failure_policy":"recompute"}"#],
            ),
            image(old, &[]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.16.0 looks it up all the same; take v0.22.0 or later in both phases",
            ],
            "said on purpose; prefill loads nothing",
        ),
        (
            image("vllm/vllm-openai:v0.12.0", &[]),
            image("vllm/vllm-openai:v0.12.0", &[]),
            &[
                "warning HandshakeKillsDecode: spec.serving[0].engine.image: decode dies, with everything that it is answering, when a prefill pod is gone before decode asked it for the first time: vLLM 0.12.0 looks it up all the same; take v0.22.0 or later in both phases",
            ],
            "before 0.13 there is no such setting",
        ),
        (image("vllm/vllm-openai:v0.11.0", &[]), image("vllm/vllm-openai:v0.11.0", &[]), &[], "0.11.0 does not look up what failed"),
        (image("vllm/vllm-openai:v0.22.0", &[]), image("vllm/vllm-openai:v0.22.0", &[]), &[], "0.22.0 does not any more"),
        (image("vllm/vllm-openai:v0.20.2", &[P2P]), image("vllm/vllm-openai:v0.20.2", &[P2P]), &[], "without NIXL nobody shakes hands"),
    ]);
}
