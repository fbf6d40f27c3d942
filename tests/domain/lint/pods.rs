use super::{args, assert_lines, image, lines, pair, unified};

/// What is found in a single engine of a release.
fn found(tag: &'static str, args: &'static [&'static str]) -> Vec<String> {
    let image = if tag == "other" { "ghcr.io/llm-d/llm-d-cuda:v0.9.0".to_owned() } else { format!("vllm/vllm-openai:{tag}") };
    lines(&unified(super::image(Box::leak(image.into_boxed_str()), args)))
}

#[test]
fn an_engine_fits_into_one_pod() {
    let cases: [(&str, &[&str], &[&str], &str); 16] = [
        (
            "v0.32.0",
            &["--data-parallel-size=16", "--data-parallel-size-local=8"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because --data-parallel-size is 16 and --data-parallel-size-local 8, so 8 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for",
            ],
            "half of the ranks",
        ),
        (
            "other",
            &["-dp", "16", "-dpl=8"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[2]: the engine never becomes ready because --data-parallel-size is 16 and --data-parallel-size-local 8, so 8 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for",
            ],
            "in other spellings, and an image of any release",
        ),
        (
            "v0.32.0",
            &["--data-parallel-size=4", "--data-parallel-size-local=0"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because --data-parallel-size is 4 and --data-parallel-size-local 0, so 4 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for",
            ],
            "a server without a rank of its own",
        ),
        (
            "v0.32.0",
            &["-dp=8", "-dpl=4", "--data-parallel-hybrid-lb", "--data-parallel-start-rank=0"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because --data-parallel-size is 8 and --data-parallel-size-local 4, so 4 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for, without --data-parallel-hybrid-lb",
            ],
            "balanced between pods: said once",
        ),
        (
            "v0.32.0",
            &["-dp=8", "-dph"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because --data-parallel-hybrid-lb is for ranks in several pods, and exits without --data-parallel-size-local, and a replica is one pod; remove it",
            ],
            "vLLM asks how many there are here",
        ),
        (
            "v0.32.0",
            &["-dp=8", "--data-parallel-rank=0", "--data-parallel-external-lb"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because with --data-parallel-rank it is one rank of 8, and the others would be other pods', and a replica is one pod; remove it, so that one pod has all 8 ranks",
            ],
            "one rank",
        ),
        (
            "v0.32.0",
            &["-dp=8", "-dpl=1", "-dpn=$(RANK)"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[2]: the engine never becomes ready because with --data-parallel-rank it is one rank of 8, and the others would be other pods', and a replica is one pod; remove it, so that one pod has all 8 ranks",
            ],
            "whichever the kubelet makes it",
        ),
        (
            "v0.32.0",
            &["-dp=8", "-dpe"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because with --data-parallel-external-lb it is one rank of 8, and the others would be other pods', and a replica is one pod; remove it, so that one pod has all 8 ranks",
            ],
            "balanced by others",
        ),
        (
            "other",
            &["-tp=8", "--nnodes=2", "--node-rank=0", "--master-addr=10.0.0.1"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because with --nnodes 2 it waits for engines of other pods, and a replica is one pod; remove it and choose sizes that one pod's GPUs hold",
            ],
            "several nodes",
        ),
        (
            "v0.32.0",
            &["--headless"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[0]: the engine never becomes ready because with --headless it opens no port: its server would be another pod's, and a replica is one pod; remove it",
            ],
            "no server",
        ),
        (
            "other",
            &["--headless", "--nnodes", "2", "-dp=2", "-dpl=1"],
            &[
                "error EngineSpansPods: spec.serving[0].engine.args[0]: the engine never becomes ready because with --headless it opens no port: its server would be another pod's, and a replica is one pod; remove it",
                "error EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because with --nnodes 2 it waits for engines of other pods, and a replica is one pod; remove it and choose sizes that one pod's GPUs hold",
                "error EngineSpansPods: spec.serving[0].engine.args[4]: the engine never becomes ready because --data-parallel-size is 2 and --data-parallel-size-local 1, so 1 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for",
            ],
            "each argument that does it",
        ),
        (
            "v0.32.0",
            &["-dp=16", "-dpl=8", "--data-parallel-backend=ray"],
            &[
                "warning EngineSpansPods: spec.serving[0].engine.args[1]: the engine never becomes ready because --data-parallel-size is 16 and --data-parallel-size-local 8, so 8 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for",
            ],
            "Ray may have the others",
        ),
        ("v0.10.0", &["-dp=2", "-dpl=2", "--data-parallel-hybrid-lb"], &[], "with all ranks here vLLM switches that off"),
        ("v0.32.0", &["-dp=8", "-dpl=8", "--data-parallel-start-rank=0"], &[], "all of them, from the first on"),
        (
            "v0.32.0",
            &["-dp=1", "--data-parallel-rank=0", "--no-data-parallel-hybrid-lb", "--no-data-parallel-external-lb"],
            &[],
            "the only rank",
        ),
        ("v0.32.0", &["-dp=8", "--data-parallel-multi-port-external-lb"], &[], "a server for each rank, all of them in the pod"),
    ];
    for (tag, args, expected, reason) in cases {
        assert_lines(&found(tag, args), expected, reason);
    }
}

#[test]
fn what_cannot_be_read_may_fit() {
    let unreadable: [&[&str]; 6] = [
        &["-dp=$(SIZE)", "-dpl=8"],
        &["-dp=16", "-dpl=$(LOCAL)"],
        &["-dp=16", "-dpl=8", "$(MORE)"],
        &["--nnodes=$(NODES)"],
        &["--config=a.yaml", "--headless"],
        &["-dp=$(SIZE)", "--data-parallel-rank=0"],
    ];
    for args in unreadable {
        assert_lines(&found("v0.32.0", Box::leak(args.to_vec().into_boxed_slice())), &[], &format!("{args:?}"));
    }
}

/// What the release lacks, another rule says.
#[test]
fn an_option_that_the_release_lacks_spans_nothing() {
    for (tag, option) in [("v0.11.0", "--nnodes=2"), ("v0.11.0", "--data-parallel-external-lb"), ("v0.9.1", "--data-parallel-rank=1")] {
        let args: &'static [&'static str] = Box::leak(vec!["-dp=2", option].into_boxed_slice());
        let codes: Vec<String> = found(tag, args).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(codes, ["error OptionUnknown"], "{option} in {tag}");
    }
}

#[test]
fn each_phase_fits_into_a_pod_of_its_own() {
    assert_lines(
        &lines(&pair(args(&["-dp=4", "-dpl=2"]), image("vllm/vllm-openai:v0.32.0", &["-dp=4", "-dpn=1"]))),
        &[
            "error EngineSpansPods: spec.serving[0].engine.args[2]: decode never becomes ready because --data-parallel-size is 4 and --data-parallel-size-local 2, so 2 of its ranks would be other pods', and a replica is one pod; set both to the ranks that one pod has GPUs for",
            "error EngineSpansPods: spec.serving[0].prefill.engine.args[2]: prefill never becomes ready because with --data-parallel-rank it is one rank of 4, and the others would be other pods', and a replica is one pod; remove it, so that one pod has all 4 ranks",
        ],
        "both phases",
    );
}
