use super::{args, assert_found, assert_lines, lines, unified};

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
                r#"error KvRole: spec.serving[0].engine.args[0]: decode exits at start because NixlConnector has no kv_role; set it to "kv_consumer" or "kv_both""#,
            ],
            "none",
        ),
        (
            args(&[]),
            args(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"producer"}"#]),
            &[
                r#"error KvRole: spec.serving[0].prefill.engine.args[0]: prefill exits at start because kv_role of NixlConnector is "producer"; set it to "kv_producer" or "kv_both""#,
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
