use serde_json::json;

use super::{assert_lines, lines, spec_of};

/// What is found where the phases draft with something, in a release and with `enforce_handshake_compat`.
fn found_in(tag: &str, compat: bool, decode: &[&str], prefill: &[&str]) -> Vec<String> {
    let engine = |args: &[&str], role: &str| {
        let transfer = json!({
            "kv_connector": "NixlConnector", "kv_role": role, "kv_connector_extra_config": {"enforce_handshake_compat": compat},
        });
        let transfer = format!("--kv-transfer-config={transfer}");
        let image = if tag.contains('/') { tag.to_owned() } else { format!("vllm/vllm-openai:{tag}") };
        let args: Vec<&str> = std::iter::once(transfer.as_str()).chain(args.iter().copied()).collect();
        json!({"name": "vLLM", "image": image, "args": args})
    };
    let spec = spec_of(json!({
        "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
        "engine": engine(decode, "kv_consumer"), "prefill": {"engine": engine(prefill, "kv_producer"), "resources": {}},
    }));
    lines(&spec).into_iter().filter(|line| line.contains("Speculative")).collect()
}

fn found(decode: &[&str], prefill: &[&str]) -> Vec<String> {
    found_in("v0.33.0", true, decode, prefill)
}

const EAGLE: &str = r#"--speculative-config={"method":"eagle3","model":"yuhuili/EAGLE3-LLaMA3.3-Instruct-70B","num_speculative_tokens":3}"#;
const OTHER_EAGLE: &str = r#"--speculative-config={"method":"eagle3","model":"nvidia/Llama-3.3-Eagle3","num_speculative_tokens":3}"#;
const NGRAM: &str = r#"--speculative-config={"method":"ngram","num_speculative_tokens":3,"prompt_lookup_max":4}"#;
const MTP: &str = r#"--speculative-config={"method":"mtp","num_speculative_tokens":1}"#;
const DRAFT: &str = r#"--speculative-config={"method":"draft_model","model":"meta-llama/Llama-3.2-1B","num_speculative_tokens":3}"#;

const EAGLE_IN_DECODE: &str = "speculative decoding is off in prefill and eagle3 in decode, so one phase caches layers that the other lacks and every request fails with status 500; give both phases the same --speculative-config";

#[test]
fn a_draft_of_one_phase_has_layers_that_the_other_lacks() {
    let at = "spec.serving[0].engine.args[1]";
    assert_lines(&found(&[EAGLE], &[]), &[&format!("error SpeculativeMismatch: {at}: {EAGLE_IN_DECODE}")], "decode only");
    assert_lines(
        &found(&[NGRAM], &[EAGLE]),
        &[
            "error SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: speculative decoding is eagle3 in prefill and ngram in decode, so one phase caches layers that the other lacks and every request fails with status 500; give both phases the same --speculative-config",
        ],
        "prefill, where decode guesses by the prompt",
    );
    assert_lines(&found(&[NGRAM], &[]), &[], "which caches nothing");
    assert_lines(&found(&[r#"--speculative-config={"method":"suffix"}"#], &[NGRAM]), &[], "nor do others like it");
    assert_lines(
        &found(&[DRAFT], &[]),
        &[
            "warning SpeculativeMismatch: spec.serving[0].engine.args[1]: speculative decoding is off in prefill and draft_model in decode, so one phase caches layers that the other lacks and every request fails with status 500; give both phases the same --speculative-config",
        ],
        "a model of its own is not compared, but has layers",
    );
    assert_lines(
        &found(&[r#"--speculative-config={"model":"a/b","num_speculative_tokens":3}"#], &[]),
        &[
            "warning SpeculativeMismatch: spec.serving[0].engine.args[1]: speculative decoding is off in prefill and on in decode, so one phase caches layers that the other lacks and every request fails with status 500; give both phases the same --speculative-config",
        ],
        "vLLM looks into the model for the method",
    );
    assert_lines(
        &found_in("v0.27.1", true, &[EAGLE], &[]),
        &[&format!("warning SpeculativeMismatch: {at}: {EAGLE_IN_DECODE}")],
        "before 0.28 that is no part of the comparison",
    );
    assert_lines(
        &found_in("v0.28.0", true, &[EAGLE], &[]),
        &[&format!("error SpeculativeMismatch: {at}: {EAGLE_IN_DECODE}")],
        "from it on it is",
    );
    assert_lines(
        &found_in("v0.33.0", false, &[EAGLE], &[]),
        &[&format!("warning SpeculativeMismatch: {at}: {EAGLE_IN_DECODE}")],
        "the layers are counted where nothing is compared",
    );
    assert_lines(
        &found_in("ghcr.io/a/b:c", true, &[EAGLE], &[]),
        &[
            "warning SpeculativeMismatch: spec.serving[0].engine.args[1]: speculative decoding is off in prefill and eagle3 in decode, so one phase caches layers that the other lacks and every request fails, or decode computes its prompt again; give both phases the same --speculative-config",
        ],
        "in an image of any release",
    );
}

#[test]
fn both_phases_draft_with_the_same() {
    assert_lines(&found(&[EAGLE], &[EAGLE]), &[], "alike");
    let five = r#"-sc={"num_speculative_tokens":5,"model":"yuhuili/EAGLE3-LLaMA3.3-Instruct-70B","method":"eagle3"}"#;
    assert_lines(&found(&[EAGLE], &[five]), &[], "how many tokens is no part of the comparison");
    assert_lines(
        &found(&[EAGLE], &["--spec-method=eagle3", "--spec-model=yuhuili/EAGLE3-LLaMA3.3-Instruct-70B", "--spec-tokens=3"]),
        &[],
        "in single options",
    );
    assert_lines(
        &found(&[MTP], &["--speculative-config.method=mtp", "--speculative-config.num_speculative_tokens", "1"]),
        &[],
        "by dotted keys",
    );
    assert_lines(
        &found(&[MTP], &[r#"--speculative-config={"method":"deepseek_mtp","num_speculative_tokens":1}"#]),
        &[],
        "one method by its older name",
    );
    assert_lines(
        &found(&[EAGLE], &[r#"--speculative-config={"model":"yuhuili/EAGLE3-LLaMA3.3-Instruct-70B"}"#]),
        &[],
        "vLLM takes the method from the name",
    );
    let other = "error SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: model of speculative decoding is nvidia/Llama-3.3-Eagle3 in prefill and yuhuili/EAGLE3-LLaMA3.3-Instruct-70B in decode, so every request fails with status 500; give both phases the same --speculative-config";
    assert_lines(&found(&[EAGLE], &[OTHER_EAGLE]), &[other], "another model");
    assert_lines(
        &found(&[EAGLE], &[MTP]),
        &[
            "error SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: method of speculative decoding is mtp in prefill and eagle3 in decode, so every request fails with status 500; give both phases the same --speculative-config",
        ],
        "another method",
    );
    assert_lines(
        &found_in("v0.33.0", false, &[EAGLE], &[OTHER_EAGLE]),
        &[
            "warning SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: model of speculative decoding is nvidia/Llama-3.3-Eagle3 in prefill and yuhuili/EAGLE3-LLaMA3.3-Instruct-70B in decode, so decode reads every block whose size fits, whatever it means; give both phases the same --speculative-config",
        ],
        "where nothing is compared",
    );
    assert_lines(
        &found(&[MTP], &[r#"--speculative-config={"method":"mtp","model":"/mnt/models","num_speculative_tokens":1}"#]),
        &[
            "warning SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: model of speculative decoding is /mnt/models in prefill and vLLM's choice in decode: unless these are the same, every request fails with status 500; give both phases the same --speculative-config",
        ],
        "what one leaves to vLLM may be the same",
    );
    let one = r#"--speculative-config={"method":"eagle","model":"a/b","parallel_drafting":true,"kv-cache-dtype":"fp8"}"#;
    let two = r#"--speculative-config={"method":"eagle","model":"a/b","parallel_drafting":true,"kv_cache_dtype":"auto"}"#;
    assert_lines(
        &found(&[one], &[two]),
        &[
            "error SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: kv_cache_dtype of speculative decoding is auto in prefill and fp8 in decode, so every request fails with status 500; give both phases the same --speculative-config",
        ],
        "any other key that is compared, with dashes or underscores",
    );
    assert_lines(
        &found(&[DRAFT], &[r#"--speculative-config={"method":"draft_model","model":"a/b"}"#]),
        &[
            "warning SpeculativeMismatch: spec.serving[0].prefill.engine.args[1]: model of speculative decoding is a/b in prefill and meta-llama/Llama-3.2-1B in decode, so decode drafts with blocks of another model; give both phases the same --speculative-config",
        ],
        "a model of its own is never compared",
    );
}

#[test]
fn what_cannot_be_read_may_be_the_same() {
    for args in [
        "--speculative-config=$(SPEC)",
        r#"--speculative-config={"method":"$(METHOD)"}"#,
        "--config=a.yaml",
        "--spec-method=$(METHOD)",
        "$(MORE)",
    ] {
        assert_lines(&found(&[EAGLE], &[args]), &[], args);
    }
    assert_lines(&found(&["--speculative-config="], &[]), &[], "vLLM's word for none");
}
