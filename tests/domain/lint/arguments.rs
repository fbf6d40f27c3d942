use super::{Phase, args, assert_found, assert_lines, image, lines, unified};

#[test]
fn each_argument_is_an_option_or_a_value() {
    assert_found(&[
        (args(&["--tensor-parallel-size=1", "--seed= 1"]), args(&[]), &[], "a space behind '=' is fine"),
        (
            args(&[]),
            args(&["--max-num-seqs 2"]),
            &[
                r#"error FusedArg: spec.serving[0].prefill.engine.args[1]: prefill exits at start because the argument "--max-num-seqs 2" is an option and its value in one; write two arguments, or join them with '='"#,
            ],
            "an option and its value in one",
        ),
        (
            args(&["--enforce-eager", "true"]),
            args(&[]),
            &[
                r#"error FusedArg: spec.serving[0].engine.args[2]: decode exits at start because the argument "true" belongs to no option; remove it, or write its option in front of it"#,
            ],
            "a value for what takes none",
        ),
        (args(&["$(MORE)"]), args(&[]), &[], "the kubelet may make an option of it"),
        (args(&["--enforce-eager", "$(MORE)", "--seed 1"]), args(&[]), &[], "which may take the next word"),
        (
            image("vllm/vllm-openai:nightly", &["--new-option", "a", "b"]),
            image("vllm/vllm-openai:nightly", &[]),
            &[
                "warning OptionUnknown: spec.serving[0].engine.args[1]: decode exits at start, unless its image adds to vLLM, because no vLLM up to 0.33.0 knows option --new-option; remove it",
            ],
            "a later release's may take them all",
        ),
    ]);
    let model = unified(args(&["meta-llama/Llama"]));
    assert_lines(
        &lines(&model),
        &[
            r#"error FusedArg: spec.serving[0].engine.args[0]: the engine exits at start because the argument "meta-llama/Llama" belongs to no option; remove it, or write its option in front of it"#,
        ],
        "KServe names the model already",
    );
    let behind = unified(Phase { args: &["x"], env: &[("VLLM_ADDITIONAL_ARGS", "--seed")], ..Phase::default() });
    assert_lines(&lines(&behind), &[], "the value of what the variable ends with");
}

#[test]
fn what_kserve_sets_is_left_to_it() {
    assert_found(&[
        (
            args(&["--port=8001"]),
            args(&["--port=8000", "--host=0.0.0.0"]),
            &[
                "warning PortArg: spec.serving[0].engine.args[1]: --port is KServe's: at best it changes nothing, until KServe's changes; remove it",
                "warning PortArg: spec.serving[0].prefill.engine.args[1]: --port is KServe's: at best it changes nothing, until KServe's changes; remove it",
                "warning PortArg: spec.serving[0].prefill.engine.args[2]: --host is KServe's: at best it changes nothing, until KServe's changes; remove it",
            ],
            "as KServe sets it: superfluous",
        ),
        (
            args(&["--port=8000"]),
            args(&["--port", "8200"]),
            &[
                "error PortArg: spec.serving[0].engine.args[1]: --port is KServe's: decode must listen on 8001, or it never becomes ready; remove it",
                "error PortArg: spec.serving[0].prefill.engine.args[1]: --port is KServe's: prefill must listen on 8000, or it never becomes ready; remove it",
            ],
            "decode has the routing sidecar in front of it",
        ),
        (
            args(&["--host=127.0.0.1"]),
            args(&["--uds=/tmp/s"]),
            &[
                "error PortArg: spec.serving[0].engine.args[1]: --host is KServe's: decode must listen on every address, or it never becomes ready; remove it",
                "error PortArg: spec.serving[0].prefill.engine.args[1]: --uds is KServe's: prefill listens on a socket instead of a port and never becomes ready; remove it",
            ],
            "nobody reaches it",
        ),
        (
            args(&["--served-model-name", "a", "meta-llama/Llama"]),
            args(&["--served-model-name=a"]),
            &[
                "warning PortArg: spec.serving[0].engine.args[1]: --served-model-name is KServe's: at best it changes nothing, until KServe's changes; remove it",
                "warning PortArg: spec.serving[0].prefill.engine.args[1]: --served-model-name is KServe's: at best it changes nothing, until KServe's changes; remove it",
            ],
            "its own name is among them, or not",
        ),
        (
            args(&["--ssl-keyfile=k", "--ssl-cert-reqs=0"]),
            args(&["--model=a"]),
            &[
                "error PortArg: spec.serving[0].engine.args[1]: --ssl-keyfile is KServe's: decode speaks TLS with files that KServe does not mount, and never becomes ready; remove it",
                "warning PortArg: spec.serving[0].engine.args[2]: --ssl-cert-reqs is KServe's: at best it changes nothing, until KServe's changes; remove it",
                "error PortArg: spec.serving[0].prefill.engine.args[1]: --model is KServe's: prefill exits at start, because the model comes first on its command line already; remove it",
            ],
            "TLS, and the model",
        ),
        (
            args(&["--port=$(PORT)"]),
            args(&["--port=9000", "$(MORE)"]),
            &[
                "warning PortArg: spec.serving[0].engine.args[1]: --port is KServe's: at best it changes nothing, until KServe's changes; remove it",
                "warning PortArg: spec.serving[0].prefill.engine.args[1]: --port is KServe's: at best it changes nothing, until KServe's changes; remove it",
            ],
            "what the kubelet fills in may be right",
        ),
        (
            image("vllm/vllm-openai:v0.11.0", &["--model=a"]),
            image("vllm/vllm-openai:v0.11.0", &["--model", "a"]),
            &[
                "warning PortArg: spec.serving[0].engine.args[1]: --model is KServe's: at best it changes nothing, until KServe's changes; remove it",
                "error PortArg: spec.serving[0].prefill.engine.args[1]: --model is KServe's: prefill exits at start, because the model comes first on its command line already; remove it",
            ],
            "before 0.12 only two arguments stop the engine",
        ),
        (args(&["--data-parallel-rpc-port=5555", "--master-port=1"]), args(&["--api-key=k"]), &[], "ports of vLLM's own"),
    ]);
    let additional = Phase { args: &["--port=9000"], env: &[("VLLM_ADDITIONAL_ARGS", "--port=8000")], ..Phase::default() };
    assert_lines(
        &lines(&unified(additional)),
        &[
            "error PortArg: spec.serving[0].engine.args[0]: --port is KServe's: the engine must listen on 8000, or it never becomes ready; remove it",
        ],
        "arguments come behind the variable's and win",
    );
}
