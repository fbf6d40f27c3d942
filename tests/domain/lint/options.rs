use serde_json::{Value, json};

use super::{Case, Phase, assert_found, assert_lines, image, lines, spec_of, unified};

const V32: &str = "vllm/vllm-openai:v0.32.0";
const OTHER: &str = "registry.example.com/vllm:latest";

/// An engine that is fine, for the phase that the case is not about.
const FINE: Phase = image(V32, &[]);

fn assert_decode(cases: &[(&'static str, &'static [&'static str], &'static [&'static str], &'static str)]) {
    for (image, args, found, reason) in cases {
        let phase = Phase { args, image: Some(image), ..Phase::default() };
        assert_lines(&lines(&unified(phase)), found, reason);
    }
}

#[test]
fn the_images_vllm_has_each_option() {
    assert_decode(&[
        (V32, &["--tensor-parallel-size=4", "-dcp", "2", "--max_num_seqs=8", "--no-enable-prefix-caching"], &[], "it has all of these"),
        (
            V32,
            &["--tensor-paralell-size=4"],
            &[
                "error OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.32.0 knows no option --tensor-paralell-size; write --tensor-parallel-size",
            ],
            "a misspelling",
        ),
        (
            V32,
            &["--frobnicate", "x", "--enforce-eager"],
            &[
                r#"error FusedArg: spec.serving[0].engine.args[1]: the engine exits at start because the argument "x" belongs to no option; remove it, or write its option in front of it"#,
                "error OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.32.0 knows no option --frobnicate; remove it",
            ],
            "nothing that is like one; and what nobody takes is nobody's value",
        ),
        (
            V32,
            &["--swap-space=4", "--disable-log-requests", "--num-scheduler-steps", "1"],
            &[
                r#"error FusedArg: spec.serving[0].engine.args[3]: the engine exits at start because the argument "1" belongs to no option; remove it, or write its option in front of it"#,
                "error OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM has had no --swap-space since 0.18.0; remove it: nothing is swapped to the CPU any more",
                "error OptionUnknown: spec.serving[0].engine.args[1]: the engine exits at start because vLLM has had no --disable-log-requests since 0.17.0; write --no-enable-log-requests, or nothing, which is the same",
                "error OptionUnknown: spec.serving[0].engine.args[2]: the engine exits at start because vLLM has had no --num-scheduler-steps since 0.10.1; remove it",
            ],
            "what earlier releases had",
        ),
        ("vllm/vllm-openai:v0.10.2", &["--swap-space=4", "--disable-log-requests"], &[], "on which it is right"),
        (
            "vllm/vllm-openai:v0.10.2",
            &["--moe-backend=auto"],
            &[
                "error OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start because vLLM has no --moe-backend before 0.17.0; remove it, or take an image of v0.17.0 or later",
            ],
            "what later releases have",
        ),
        (
            V32,
            &["--data-parallel-s=2"],
            &[
                "error OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start because --data-parallel-s may be --data-parallel-size, --data-parallel-size-local, --data-parallel-start-rank or --data-parallel-supervisor-port; write the whole name",
            ],
            "a beginning of several",
        ),
        (V32, &["--max-num-seq=8"], &[], "a beginning of one"),
        (V32, &["--$(NAME)=8", "$(EXTRA)", "--max-model-len=$(LENGTH)"], &[], "what the kubelet fills in may be right"),
        (
            V32,
            &["-tp4", "--config=/etc/vllm.yaml"],
            &[
                r#"error FusedArg: spec.serving[0].engine.args[0]: the engine exits at start because the argument "-tp4" is an option and its value in one; write two arguments, or join them with '='"#,
            ],
            "only one letter takes its value so; a file undoes nothing",
        ),
    ]);
}

#[test]
fn of_other_images_only_what_no_release_has_is_found() {
    assert_decode(&[
        (OTHER, &["--swap-space=4", "--moe-backend=auto", "--disable-log-requests", "-dcp=2"], &[], "each is in some release"),
        (
            OTHER,
            &["--tensor-paralell-size=4", "--dtype=bf16", "--dtype=auto"],
            &[
                "warning OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start, unless its image adds to vLLM, because no vLLM up to 0.33.0 knows option --tensor-paralell-size; write --tensor-parallel-size",
                r#"warning OptionValue: spec.serving[0].engine.args[1]: the engine exits at start, unless its image adds to vLLM, because no vLLM up to 0.33.0 takes "bf16" for --dtype; choose auto, bfloat16, float, float16, float32 or half"#,
            ],
            "none has it, or takes it",
        ),
        (
            "vllm/vllm-openai:v0.99.0",
            &["--enforce-egaer", "--kv-cache-dtype=fp8_ds_mla"],
            &[
                "warning OptionUnknown: spec.serving[0].engine.args[0]: the engine exits at start, unless its image adds to vLLM, because no vLLM up to 0.33.0 knows option --enforce-egaer; write --enforce-eager",
            ],
            "a release that nobody has read",
        ),
    ]);
}

#[test]
fn the_images_vllm_takes_each_value() {
    assert_decode(&[
        (
            V32,
            &["--dtype=bfloat16", "--max-model-len=32k", "--seed=-1", "--moe-backend=Deep-GEMM", "--served-model-name", "meta-llama/Llama"],
            &[
                "warning PortArg: spec.serving[0].engine.args[4]: --served-model-name is KServe's: at best it changes nothing, until KServe's changes; remove it",
            ],
            "all of these are right",
        ),
        (
            V32,
            &["--dtype=bf16", "--kv-cache-dtype=fp9", "--max-lora-rank=17"],
            &[
                r#"error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.32.0 takes no "bf16" for --dtype; choose auto, bfloat16, float, float16, float32 or half"#,
                r#"error OptionValue: spec.serving[0].engine.args[1]: the engine exits at start because vLLM 0.32.0 takes no "fp9" for --kv-cache-dtype; write fp8"#,
                r#"error OptionValue: spec.serving[0].engine.args[2]: the engine exits at start because vLLM 0.32.0 takes no "17" for --max-lora-rank; choose 1, 8, 16, 32, 64, 128, 256, 320 or 512"#,
            ],
            "none of its choices",
        ),
        (
            V32,
            &[
                "--tensor-parallel-size=four",
                "--max-num-seqs=1.5",
                "--gpu-memory-utilization=90%",
                "--max-model-len=long",
                "--compilation-config=x",
            ],
            &[
                r#"error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because --tensor-parallel-size is "four"; set it to a whole number"#,
                r#"error OptionValue: spec.serving[0].engine.args[1]: the engine exits at start because --max-num-seqs is "1.5"; set it to a whole number"#,
                r#"error OptionValue: spec.serving[0].engine.args[2]: the engine exits at start because --gpu-memory-utilization is "90%"; set it to a number"#,
                r#"error OptionValue: spec.serving[0].engine.args[3]: the engine exits at start because --max-model-len is "long"; set it to a whole number, perhaps with one of kmgtKMGT behind it, or auto"#,
                r#"error OptionValue: spec.serving[0].engine.args[4]: the engine exits at start because --compilation-config is "x"; set it to a JSON object"#,
            ],
            "of another type",
        ),
        (
            V32,
            &["--tensor-parallel-size=0", "--gpu-memory-utilization=1.5"],
            &[
                "error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because --tensor-parallel-size is 0; set it to at least 1",
                "error OptionValue: spec.serving[0].engine.args[1]: the engine exits at start because --gpu-memory-utilization is 1.5; set it to more than 0 and at most 1",
            ],
            "too small, and too large",
        ),
        (V32, &["-tp=0", "-tp=2"], &[], "the last one counts, and only it is held to a size"),
        (
            "vllm/vllm-openai:v0.19.0",
            &["-tp=2", "--pipeline-parallel-size=-1"],
            &[
                "error OptionValue: spec.serving[0].engine.args[1]: the engine exits at start because --pipeline-parallel-size is -1; set it to at least 1",
            ],
            "where its parser takes it",
        ),
        (
            OTHER,
            &["-tp=0"],
            &[
                "warning OptionValue: spec.serving[0].engine.args[0]: the engine exits at start, unless its image adds to vLLM, because --tensor-parallel-size is 0; set it to at least 1",
            ],
            "in no release",
        ),
        (
            V32,
            &["--enforce-eager=true", "--block-size", "--dtype"],
            &[
                r#"error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because --enforce-eager is a switch and takes no value, but has "true"; remove the value"#,
                "error OptionValue: spec.serving[0].engine.args[1]: the engine exits at start because --block-size has no value; write one behind it, or remove it",
                "error OptionValue: spec.serving[0].engine.args[2]: the engine exits at start because --dtype has no value; write one behind it, or remove it",
            ],
            "one for a switch, and none",
        ),
        (
            "vllm/vllm-openai:v0.9.1",
            &["--kv-cache-dtype=bfloat16"],
            &[
                r#"error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because vLLM 0.9.1 takes no "bfloat16" for --kv-cache-dtype; choose auto, fp8, fp8_e4m3 or fp8_e5m2"#,
            ],
            "a choice of later releases",
        ),
    ]);
}

#[test]
fn what_a_variable_holds_may_take_the_first_word() {
    let additional =
        Phase { args: &["--frobnicate"], env: &[("VLLM_ADDITIONAL_ARGS", "--kv-transfer-config.kv_role")], ..Phase::default() };
    assert_lines(&lines(&unified(additional)), &[], "a dotted key takes whatever follows");
}

/// A transfer with more in it.
const fn transfer(args: &'static [&'static str]) -> Phase {
    image(V32, args)
}

#[test]
fn the_images_vllm_has_each_key_of_the_transfer() {
    let cases: [Case; 6] = [
        (
            transfer(&[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_rol":"x"}"#]),
            FINE,
            &[
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because vLLM 0.32.0 knows no key "kv_rol" in --kv-transfer-config; write kv_role"#,
            ],
            "a misspelling",
        ),
        (
            transfer(&[
                r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_buffer_size":1g,"kv_ip":"127.0.0.1"}"#,
            ]),
            image(
                "vllm/vllm-openai:v0.31.0",
                &[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_buffer_size":1g,"kv_ip":"127.0.0.1"}"#],
            ),
            &[
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because vLLM has had no key "kv_buffer_size" in --kv-transfer-config since 0.32.0; remove it"#,
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because vLLM has had no key "kv_ip" in --kv-transfer-config since 0.32.0; remove it"#,
                "error ImageMismatch: spec.serving[0].prefill.engine.image: prefill runs vLLM 0.31.0 and decode 0.32.0, so every request fails with status 500; run one image in both phases",
            ],
            "what is gone, and was there a release before",
        ),
        (
            transfer(&[
                r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_load_failure_policy":"ignore","kv_connector_extra_config":[],"kv_port":"x","enable_permute_local_kv":"True"}"#,
            ]),
            FINE,
            &[
                "error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because the value of kv_connector_extra_config in --kv-transfer-config is of another type; make it an object",
                "error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because the value of kv_load_failure_policy in --kv-transfer-config is none that it takes; write fail or recompute",
                "error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because the value of kv_port in --kv-transfer-config is of another type; make it a whole number",
            ],
            "values that pydantic refuses; a flag may be a word",
        ),
        (
            transfer(&[r#"--kv-transfer-config={"kv_connector":5,"kv_role":"kv_both"}"#]),
            FINE,
            &[
                "error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because the value of kv_connector in --kv-transfer-config is of another type; make it a string",
            ],
            "no name",
        ),
        (
            transfer(&[
                r#"--kv-transfer-config={"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_rank":0},{"kv_connector":"OffloadingConnector","kv_role":"kv_both","$(KEY)":1}]}}"#,
            ]),
            FINE,
            &[
                r#"error KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start because vLLM has had no key "kv_rank" of NixlConnector in --kv-transfer-config since 0.32.0; remove it"#,
            ],
            "of a connector within another, which vLLM makes of the same class; and a key that the kubelet fills in",
        ),
        (
            image(OTHER, &[r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"$(ROLE)","kv_rank":0,"kv_rol":"x"}"#]),
            image(OTHER, &[]),
            &[
                r#"warning KvConfigInvalid: spec.serving[0].engine.args[0]: decode exits at start, unless its image adds to vLLM, because no vLLM up to 0.33.0 knows the key "kv_rol" in --kv-transfer-config; write kv_role"#,
            ],
            "of another image only what no release knows",
        ),
    ];
    assert_found(&cases);
    let old = image(
        "vllm/vllm-openai:v0.9.1",
        &[r#"--kv-transfer-config={"kv_connector":"OffloadingConnector","kv_role":"kv_both","kv_rol":"x"}"#],
    );
    let found = lines(&unified(old));
    assert!(!found.iter().any(|line| line.contains("kv_rol\"")), "a release that leaves alone what it does not know: {found:?}");
}

#[test]
fn an_empty_transfer_is_none() {
    const EMPTY: [&[&str]; 3] = [&["--kv-transfer-config="], &["--kv-transfer-config", ""], &["--kv-transfer-config=None"]];
    for args_of_decode in EMPTY {
        let phase = Phase { args: args_of_decode, image: Some(V32), ..Phase::default() };
        assert_lines(
            &lines(&super::pair(phase, FINE)),
            &[
                r#"error KvConnectorMissing: spec.serving[0].engine.args[0]: decode names no connector that transfers the KV cache, so decode silently computes every prompt again; give it --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
            ],
            "vLLM starts, and transfers nothing",
        );
        assert_lines(&lines(&unified(phase)), &[], "one phase needs none");
    }
}

/// The parser of 0.9.1 takes a level or an object, those after it an object only: read in 0.9.1 and seen by `sample-options`.
#[test]
fn a_compilation_config_is_a_level_or_an_object_where_the_release_takes_both() {
    const LEVEL: &[&str] = &["--compilation-config=3"];
    const OBJECT: &[&str] = &[r#"--compilation-config={"level":3}"#];
    assert_decode(&[
        ("vllm/vllm-openai:v0.9.1", LEVEL, &[], "a level"),
        ("vllm/vllm-openai:v0.9.1", OBJECT, &[], "an object"),
        (
            "vllm/vllm-openai:v0.9.1",
            &["--compilation-config=high"],
            &[
                r#"error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because --compilation-config is "high"; set it to a whole number or a JSON object"#,
            ],
            "neither",
        ),
        (
            V32,
            LEVEL,
            &[
                r#"error OptionValue: spec.serving[0].engine.args[0]: the engine exits at start because --compilation-config is "3"; set it to a JSON object"#,
            ],
            "no level any more",
        ),
    ]);
}

/// What replaced an option, of the releases that were read.
fn replacements() -> (Vec<String>, Vec<(String, String)>) {
    let table: Value = serde_json::from_str(include_str!("../../../src/domain/engine/options.json")).unwrap();
    let replaced: Value = serde_json::from_str(include_str!("../../../src/domain/engine/replaced.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| (text(&row["name"]), text(&row["instead"]));
    let rows = replaced["options"].as_array().unwrap().iter().map(row).collect();
    (table["releases"].as_array().unwrap().iter().map(text).collect(), rows)
}

/// The lines about unknown options of one argument, on vLLM's own image of a release.
fn unknown(release: &str, argument: &str) -> Vec<String> {
    let spec = json!({"engine": {"name": "vLLM", "image": format!("vllm/vllm-openai:v{release}"), "args": [argument]}});
    lines(&spec_of(spec)).into_iter().filter(|line| line.contains("OptionUnknown")).collect()
}

/// The file is kept by hand: what it says of an option is said where that is gone, and sends nobody to what is not there either.
#[test]
fn what_replaced_an_option_is_there_where_the_option_is_gone() {
    let (releases, rows) = replacements();
    for (name, instead) in rows {
        let gone: Vec<&String> = releases
            .iter()
            .filter(|release| unknown(release, &format!("--{name}")).iter().any(|line| line.contains("has had no")))
            .collect();
        assert!(!gone.is_empty(), "--{name} is gone from no release");
        for release in gone {
            let told = unknown(release, &format!("--{name}"));
            assert!(told.len() == 1 && told[0].ends_with(&format!("; {instead}")), "{release}: {told:?}");
            let options = instead.split([' ', ',', ':', ';']).filter(|word| word.starts_with("--"));
            for option in options {
                assert_eq!(unknown(release, option), Vec::<String>::new(), "{release} has no {option}, which is said to replace --{name}");
            }
        }
    }
}
