//! What `kv_connector_extra_config` says of NIXL's handshake.

use serde_json::{Value, json};

use super::{assert_lines, lines, spec_of};

/// A phase's image and `kv_connector_extra_config`.
type Nixl<'a> = (&'a str, Value);

/// A profile whose phases have a NIXL connector of a name, with arguments behind it.
fn profile(connector: &str, [decode, prefill]: &[Nixl<'_>; 2], args: [&[&str]; 2]) -> Vec<String> {
    let engine = |(tag, extra): &Nixl<'_>, role: &str, args: &[&str]| {
        let transfer = json!({
            "kv_connector": connector, "kv_role": role, "kv_load_failure_policy": "fail", "kv_connector_extra_config": extra,
        });
        let image = if tag.contains('/') { (*tag).to_owned() } else { format!("vllm/vllm-openai:{tag}") };
        let transfer = format!("--kv-transfer-config={transfer}");
        let args: Vec<&str> = std::iter::once(transfer.as_str()).chain(args.iter().copied()).collect();
        json!({"name": "vLLM", "image": image, "args": args})
    };
    let [decode_args, prefill_args] = args;
    let spec = spec_of(json!({
        "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
        "engine": engine(decode, "kv_consumer", decode_args),
        "prefill": {"engine": engine(prefill, "kv_producer", prefill_args), "resources": {}},
    }));
    // Of the older releases that is known, and about something else.
    lines(&spec).into_iter().filter(|line| !line.contains("HandshakeKillsDecode")).collect()
}

fn pull(decode: Nixl<'_>, prefill: Nixl<'_>) -> Vec<String> {
    profile("NixlConnector", &[decode, prefill], [&[], &[]])
}

/// Nobody refuses what nobody compares.
#[test]
fn without_the_comparison_decode_takes_anything() {
    const DECODE: &str = "warning HandshakeUnchecked: spec.serving[0].engine.args[0]: decode takes blocks of any vLLM, data type and attention backend, because enforce_handshake_compat is off: where these differ, answers may be wrong and have status 200; remove it from --kv-transfer-config";
    const PREFILL: &str = "warning HandshakeUnchecked: spec.serving[0].prefill.engine.args[0]: prefill takes blocks of any vLLM, data type and attention backend, because enforce_handshake_compat is off: where these differ, answers may be wrong and have status 200; remove it from --kv-transfer-config";
    let off = || json!({"enforce_handshake_compat": false});
    assert_lines(
        &pull(("v0.24.0", off()), ("v0.23.0", off())),
        &[
            DECODE,
            "warning ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs vLLM 0.23.0 and decode 0.24.0, so decode reads every block whose size fits, whatever it means; run one image in both phases",
        ],
        "two releases",
    );
    assert_lines(
        &pull(("v0.24.0", json!({})), ("v0.23.0", off())),
        &[
            "error ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs vLLM 0.23.0 and decode 0.24.0, so every request fails with status 500; run one image in both phases",
        ],
        "with the pull connector only decode compares",
    );
    let differs: [&[&str]; 2] =
        [&["--dtype=half", "--disable-hybrid-kv-cache-manager"], &["--dtype=bfloat16", "--no-disable-hybrid-kv-cache-manager"]];
    assert_lines(
        &profile("NixlConnector", &[("v0.24.0", off()), ("v0.24.0", json!({}))], differs),
        &[
            DECODE,
            "warning DtypeMismatch: spec.serving[0].prefill.engine.args[1]: --dtype is bfloat16 in prefill and float16 in decode, so decode reads every block whose size fits, whatever it means; give both phases the same",
            "warning HybridKvMismatch: spec.serving[0].prefill.engine.args[2]: --disable-hybrid-kv-cache-manager is off in prefill and on in decode, so decode reads every block whose size fits, whatever it means; set it alike in both phases",
        ],
        "types and managers",
    );
    assert_lines(
        &profile("NixlPushConnector", &[("v0.24.0", off()), ("v0.24.0", off())], [&[], &[]]),
        &[DECODE, PREFILL],
        "the push connector shakes hands from both sides",
    );
    assert_lines(
        &pull(("v0.24.0", json!({})), ("v0.24.0", json!({"enforce_handshake_compat": false, "bidirectional_kv_xfer": true}))),
        &[PREFILL],
        "as a prefill does that reads from decode",
    );
    assert_lines(&pull(("ghcr.io/a/b:c", off()), ("ghcr.io/a/b:c", json!({}))), &[DECODE], "in an image of any release");
    assert_lines(&pull(("v0.12.0", off()), ("v0.12.0", off())), &[], "before 0.13 nothing is compared anyway");
    for value in [json!(0), json!(null), json!(""), json!([])] {
        let written = json!({"enforce_handshake_compat": value});
        assert_lines(&pull(("v0.24.0", written.clone()), ("v0.24.0", json!({}))), &[DECODE], &format!("Python takes {written} for false"));
    }
    for value in [json!(true), json!("false"), json!("$(CHECK)")] {
        let written = json!({"enforce_handshake_compat": value});
        assert_lines(&pull(("v0.24.0", written.clone()), ("v0.24.0", json!({}))), &[], &format!("but not {written}"));
    }
}

/// A multi connector is compared by the NIXL connector inside of it.
#[test]
fn what_a_multi_connector_holds_counts() {
    let multi = |extra: Value| {
        let nixl = json!({"kv_connector": "NixlConnector", "kv_role": "$(ROLE)", "kv_connector_extra_config": extra});
        json!({"connectors": [nixl, {"kv_connector": "OffloadingConnector", "kv_role": "kv_both"}], "enforce_handshake_compat": false})
    };
    let found = |extra: Value| profile("MultiConnector", &[("v0.24.0", multi(extra)), ("v0.24.0", multi(json!({})))], [&[], &[]]);
    assert_lines(&found(json!({})), &[], "its own keys are nobody's");
    let unchecked = found(json!({"enforce_handshake_compat": false}));
    assert_eq!(unchecked.len(), 1, "{unchecked:?}");
    assert!(unchecked[0].starts_with("warning HandshakeUnchecked: spec.serving[0].engine.args[0]: "), "{unchecked:?}");
}

#[test]
fn both_phases_have_a_way_to_move_blocks() {
    let backends = |names: &[&str]| json!({"backends": names});
    let found = |tag: &str, decode: Value, prefill: Value| pull((tag, decode), (tag, prefill));
    let new = "v0.24.0";
    let cases: [(&str, Value, Value, &[&str], &str); 11] = [
        (
            new,
            backends(&["LIBFABRIC"]),
            json!({}),
            &[
                "warning NixlBackendMismatch: spec.serving[0].prefill.engine.args[0]: NIXL has UCX in prefill and LIBFABRIC in decode, so they share no way to move a block, and every request fails with status 500; name the same in backends of kv_connector_extra_config in both phases",
            ],
            "UCX is what it takes where nothing is named",
        ),
        (
            new,
            backends(&["UCX"]),
            backends(&["Mooncake", "LIBFABRIC"]),
            &[
                "warning NixlBackendMismatch: spec.serving[0].prefill.engine.args[0]: NIXL has LIBFABRIC and Mooncake in prefill and UCX in decode, so they share no way to move a block, and every request fails with status 500; name the same in backends of kv_connector_extra_config in both phases",
            ],
            "several in one phase",
        ),
        (new, backends(&["UCX", "LIBFABRIC"]), backends(&["LIBFABRIC"]), &[], "one in common"),
        (new, backends(&["UCX"]), json!({}), &[], "written, and taken anyway"),
        (new, backends(&["$(BACKEND)"]), backends(&["LIBFABRIC"]), &[], "the kubelet knows it"),
        (new, json!({"backends": "LIBFABRIC"}), json!({}), &[], "no list: what NIXL makes of it is not known"),
        (new, json!({"backends": []}), backends(&["LIBFABRIC"]), &[], "an empty one"),
        (new, json!({"backends": {"a": 1}}), json!({"backends": [1]}), &[], "nor other shapes"),
        (
            "v0.11.0",
            backends(&["LIBFABRIC"]),
            json!({}),
            &[
                "warning NixlBackendMismatch: spec.serving[0].prefill.engine.args[0]: NIXL has UCX in prefill and LIBFABRIC in decode, so they share no way to move a block, and every request fails, or decode computes its prompt again; name the same in backends of kv_connector_extra_config in both phases",
            ],
            "the first release that can be told",
        ),
        ("v0.10.2", backends(&["LIBFABRIC"]), json!({}), &[], "and the last that cannot"),
        (
            "ghcr.io/a/b:c",
            backends(&["LIBFABRIC"]),
            json!({}),
            &[
                "warning NixlBackendMismatch: spec.serving[0].prefill.engine.args[0]: NIXL has UCX in prefill and LIBFABRIC in decode, so they share no way to move a block, and every request fails, or decode computes its prompt again; name the same in backends of kv_connector_extra_config in both phases",
            ],
            "in an image of any release",
        ),
    ];
    for (tag, decode, prefill, expected, reason) in cases {
        // 0.10.2 and 0.11.0 know no policy.
        let found: Vec<String> = found(tag, decode, prefill).into_iter().filter(|line| !line.contains("kv_load_failure_policy")).collect();
        assert_lines(&found, expected, reason);
    }
}

/// A value that is none leaves the other keys, and all other rules, as they are.
#[test]
fn an_unreadable_key_silences_nothing() {
    for extra in [json!({"backends": 1}), json!({"spec_name": {}}), json!({"enable_cross_layers_blocks": []})] {
        let written =
            json!({"enforce_handshake_compat": false, "extra": extra, "backends": extra["backends"], "spec_name": extra["spec_name"]});
        let found = pull(("v0.24.0", written.clone()), ("v0.23.0", json!({})));
        let codes: Vec<&str> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(codes, ["warning HandshakeUnchecked", "warning ImageMismatch"], "{written}: {found:?}");
    }
}

#[test]
fn both_phases_shape_blocks_alike() {
    const FAILS: &str = "warning CrossLayersMismatch: spec.serving[0].prefill.engine.args[0]: enable_cross_layers_blocks is on in prefill and off in decode: where the attention backend can do it, every request fails with status 500; set it alike in both phases";
    const DIES: &str = "warning CrossLayersMismatch: spec.serving[0].prefill.engine.args[0]: enable_cross_layers_blocks is on in prefill and off in decode: where the attention backend can do it, decode's engine dies of the first request; set it alike in both phases";
    const UNKNOWN: &str = "warning CrossLayersMismatch: spec.serving[0].prefill.engine.args[0]: enable_cross_layers_blocks is on in prefill and off in decode: where the attention backend can do it, decode refuses the cached blocks, or reads them as something else; set it alike in both phases";
    let cross = |value: Value| json!({"enable_cross_layers_blocks": value});
    let cases: [(&str, Value, Value, &[&str], &str); 9] = [
        ("v0.22.0", json!({}), cross(json!("True")), &[FAILS], "prefill only"),
        ("v0.22.0", cross(json!(true)), cross(json!("true")), &[], "on in both, in two spellings"),
        ("v0.22.0", json!({}), cross(json!("yes")), &[], "vLLM takes no other word for on"),
        ("v0.22.0", json!({}), cross(json!(1)), &[], "nor a number"),
        ("v0.22.0", json!({}), cross(json!("$(CROSS)")), &[], "the kubelet knows it"),
        ("v0.28.0", json!({}), cross(json!(true)), &[FAILS], "the last release that reads it"),
        ("v0.29.0", json!({}), cross(json!(true)), &[], "and the first that does not"),
        ("v0.16.0", json!({}), cross(json!(true)), &[DIES], "the first that does"),
        ("ghcr.io/a/b:c", json!({}), cross(json!(true)), &[UNKNOWN], "in an image of any release"),
    ];
    for (tag, decode, prefill, expected, reason) in cases {
        assert_lines(&pull((tag, decode), (tag, prefill)), expected, reason);
    }
    assert_lines(&pull(("v0.15.1", json!({})), ("v0.15.1", cross(json!(true)))), &[], "before 0.16 there was none");
}

#[test]
fn scales_do_not_travel() {
    const PREFILL: &str = "warning KvScalesLocal: spec.serving[0].prefill.engine.args[2]: with --calculate-kv-scales prefill scales its cache by what it sees first, and NIXL carries blocks without their scales, so decode reads other values than prefill wrote; remove it, and take a checkpoint that has scales";
    const DECODE: &str = "warning KvScalesLocal: spec.serving[0].engine.args[2]: with --calculate-kv-scales decode scales its cache by what it sees first, and NIXL carries blocks without their scales, so decode reads other values than prefill wrote; remove it, and take a checkpoint that has scales";
    let found = |tag: &str, decode: &[&str], prefill: &[&str]| {
        let found = profile("NixlConnector", &[(tag, json!({})), (tag, json!({}))], [decode, prefill]);
        found.into_iter().filter(|line| line.contains("KvScalesLocal")).collect::<Vec<_>>()
    };
    let on: &[&str] = &["--kv-cache-dtype=fp8", "--calculate-kv-scales"];
    let fp8: &[&str] = &["--kv-cache-dtype=fp8"];
    assert_lines(&found("v0.22.0", on, on), &[PREFILL], "in both, said once");
    assert_lines(&found("v0.22.0", on, fp8), &[DECODE], "in decode only");
    assert_lines(&found("ghcr.io/a/b:c", on, on), &[PREFILL], "in an image of any release");
    assert_lines(&found("v0.27.1", on, on), &[PREFILL], "the last release that has it");
    assert_lines(&found("v0.28.0", on, on), &[], "another rule speaks of what a release lacks");
    assert_lines(&found("v0.22.0", &["--calculate-kv-scales"], &["--calculate-kv-scales"]), &[], "only an fp8 cache has scales");
    assert_lines(&found("v0.22.0", fp8, &["--kv-cache-dtype=fp8_e4m3", "--no-calculate-kv-scales"]), &[], "switched off");
}
