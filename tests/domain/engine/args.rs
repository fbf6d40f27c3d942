#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests: the numbers are small")]

use Gpus::{Stated, Unknown, Unstated};
use function_modelplane::domain::engine::args::{EngineArgs, Gpus};
use proptest::prelude::*;

/// An image of which nobody knows the release.
const ANY: &str = "";

fn parse(args: &[&str]) -> EngineArgs {
    EngineArgs::parse_for(ANY, &args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
}

/// The arguments, what they say of the GPUs, and why.
type GpuCase = (&'static [&'static str], Gpus, &'static str);

fn assert_gpus(cases: &[GpuCase]) {
    for (args, gpus, reason) in cases {
        assert_eq!(parse(args).gpus(&["HF_TOKEN", "NCCL_DEBUG"]), *gpus, "{args:?}: {reason}");
    }
}

#[test]
fn gpus_are_the_product_of_the_sizes_within_the_pod() {
    assert_gpus(&[
        (&[], Unstated, "no arguments"),
        (&["--max-model-len=32768", "--quantization=fp8"], Unstated, "arguments that say nothing of it"),
        (&["--nnodes", "1"], Unstated, "one node is no size"),
        (&["--distributed-executor-backend", "mp"], Unstated, "nor is a backend"),
        (&["--tensor-parallel-size=4"], Stated(4), "tensor parallel"),
        (&["--tensor-parallel-size=1"], Stated(1), "one GPU, but said"),
        (&["-tp", "2", "-pp", "3", "-pcp", "5", "-dp", "7"], Stated(210), "all four multiply"),
        (&["-tp=4", "--enable-expert-parallel", "-dcp", "2"], Stated(4), "expert and decode context parallel reuse the same GPUs"),
        (&["-tp", "2", "-dp", "8", "-dpl", "4"], Stated(8), "only the local ranks are in the pod"),
        (&["-tp", "2", "-dp", "8", "-dpn", "3"], Stated(2), "a rank of its own is alone in the pod"),
        (&["-tp", "2", "-dp", "8", "-dpl", "4", "--data-parallel-rank", "0"], Stated(2), "rank 0, too, and it goes before the local size"),
        (&["-dp", "$(DP)", "-dpn", "$(RANK)"], Stated(1), "with a rank of its own neither number matters"),
        (&["-tp", "2", "-dp", "$(DP)", "-dpl", "4"], Stated(8), "with a local size the whole does not matter"),
        (&["--nnodes=1", "-tp=8"], Stated(8), "one node is the ordinary case"),
    ]);
}

#[test]
fn every_spelling_of_an_option_counts() {
    assert_gpus(&[
        (&["--tensor-parallel-size", "4"], Stated(4), "two words"),
        (&["--tensor_parallel_size=4"], Stated(4), "underscores"),
        (&["--tensor_parallel-size", "4"], Stated(4), "mixed"),
        (&["--tensor-parallel-size= 4 "], Stated(4), "Python's int() takes space around a number"),
        (&["--tensor-parallel", "4"], Stated(4), "a unique prefix"),
        (&["--tensor_p=4"], Stated(4), "a unique prefix with an underscore"),
        (&["-t", "4"], Stated(4), "a unique prefix of a short option"),
        (&["--data-parallel-size", "4"], Stated(4), "a whole name is not a prefix of a longer one"),
        (&["-dp", "4"], Stated(4), "nor is a short one"),
        (&["-tp4"], Unstated, "only one letter takes its value attached; this is no option at all"),
        (&["-n1", "-tp", "4"], Stated(4), "-n is one letter"),
        (&["-n2", "-tp", "4"], Unknown, "and may be attached to more nodes"),
        (&["--tensor-parallel-size=2", "-tp", "8"], Stated(8), "the last occurrence wins, whatever its spelling"),
        (&["-tp", "8", "--tensor-p=2"], Stated(2), "also when it is a prefix"),
        (&["--seed", "-tp", "4"], Stated(4), "an option is never a value"),
        (&["--seed", "-1", "-tp", "4"], Stated(4), "a negative number is"),
        (&["--enforce-eager", "-tp", "4"], Stated(4), "a flag takes no value"),
        (&["--served-model-name", "a", "b", "-tp", "4"], Stated(4), "a list ends at the next option"),
        (&["--new-in-a-later-version", "x", "-tp", "4"], Stated(4), "an unknown option may have a value"),
        (&["--new-in-a-later-version", "-tp", "4"], Stated(4), "or none"),
        (&["--chat-template=-tp 8", "-tp", "4"], Stated(4), "a value is not looked into"),
        (&["-tp", "4", "--", "-tp", "8"], Stated(4), "nothing behind -- is an option"),
        (&["--tensor-parallel-size 2"], Unstated, "a flag and its value in one word are no option"),
        (&["tensor-parallel-size=2"], Unstated, "nor is a word without dashes"),
        (&["--gpu-memory-utilization=0.9", "-tp", "4"], Stated(4), "a point in a value is no dotted key"),
        (&["--kv-transfer-config.kv_role", "-tp", "4"], Unstated, "a dotted key takes the next word, whatever it is"),
    ]);
}

#[test]
fn what_cannot_be_known_is_not_guessed() {
    assert_gpus(&[
        (&["-tp", "4", "--config", "/etc/vllm.yaml"], Unknown, "a file may set anything"),
        (&["--config=/etc/vllm.yaml"], Unknown, "in one word as well"),
        (&["-tp", "$(TP)"], Unknown, "the kubelet knows the number"),
        (&["--tensor-parallel-size=$(TP)"], Unknown, "in one word as well"),
        (&["-tp", "4", "$(EXTRA)"], Unknown, "a whole argument may be any option"),
        (&["-tp", "4", "--enforce-eager", "$(EXTRA)"], Unknown, "also behind a flag"),
        (&["-tp", "4", "--new-in-a-later-version", "$(X)"], Unknown, "also behind an option that may be a flag"),
        (&["-tp", "4", "--served-model-name", "a", "$(X)"], Unknown, "also at the end of a list"),
        (&["-tp", "4", "--$(NAME)=8"], Unknown, "a part of a name may be any name"),
        (&["-tp", "4", "-$(NAME)", "8"], Unknown, "of a short one as well"),
        (&["-tp", "4", "--seed", "$(SEED)"], Stated(4), "the value of another option does not matter"),
        (&["-tp", "4", "--seed=$(SEED)"], Stated(4), "in one word as well"),
        (&["-tp", "4", "--served-model-name", "$(NAME)"], Stated(4), "vLLM insists on one value here, so it is one"),
        (&["-tp", "4", "--kv-transfer-config.kv_ip", "$(IP)"], Stated(4), "the value of a dotted key"),
        (&["-tp", "4", "--enforce-eager", "$$(EXTRA)"], Stated(4), "an escaped reference is text"),
        (&["-tp", "4", "--nnodes", "2"], Unknown, "the sizes are spread over nodes"),
        (&["-tp", "4", "--nnodes=$(NODES)"], Unknown, "perhaps"),
        (&["-tp", "4", "--distributed-executor-backend", "external_launcher"], Unknown, "somebody else starts the ranks"),
        (&["-tp", "4", "--distributed_executor_backend=$(BACKEND)"], Unknown, "perhaps"),
        (&["-tp", "4", "--headless"], Unknown, "a secondary node"),
        (&["-tp", "4", "--headl"], Unknown, "a secondary node by a prefix"),
        (&["-dp", "4", "-dpl", "0"], Unknown, "no rank of its own: the head of a cluster"),
        (&["-tp", "four"], Unknown, "no number"),
        (&["-tp", "1.5"], Unknown, "no whole number"),
        (&["-tp", "0"], Unknown, "no GPU"),
        (&["-tp", "-4"], Unknown, "less than none"),
        (&["-tp"], Unknown, "no value"),
        (&["-tp="], Unknown, "an empty value"),
        (&["-tp", "--enforce-eager"], Unknown, "no value before the next option"),
        (&["-tp", "4", "-tp", "x"], Unknown, "the last occurrence wins, for better or worse"),
        (&["--data-parallel-s", "2"], Unknown, "an ambiguous prefix may be meant"),
        (&["-p", "2"], Unknown, "a short one as well"),
        (&["--no", "2"], Unstated, "an ambiguous prefix of options that do not matter"),
        (&["-tp", "65536", "-pp", "65536"], Unknown, "a product beyond 32 bits"),
        (&["-tp", "99999999999999999999"], Unknown, "a number beyond 32 bits"),
        (&["--tensor-parallel-size.x", "4"], Unknown, "a dotted key makes JSON of it, which is no number"),
    ]);
    let additional = ["VLLM_ADDITIONAL_ARGS"];
    assert_eq!(parse(&["-tp", "4"]).gpus(&additional), Unknown, "the environment adds arguments");
    assert_eq!(parse(&[]).gpus(&additional), Unknown, "also where there are none");
}

#[test]
fn dotted_keys_become_the_json_that_vllm_makes_of_them() {
    let cases: [(&[&str], Option<&str>, &str); 14] = [
        (&[r#"--kv-transfer-config={"kv_role":"kv_both"}"#], Some(r#"{"kv_role":"kv_both"}"#), "JSON stays as it is"),
        (&["--kv-transfer-config.kv_role", "kv_both"], Some(r#"{"kv_role":"kv_both"}"#), "a word is a string"),
        (&["--kv-transfer-config.kv_role=kv_both"], Some(r#"{"kv_role":"kv_both"}"#), "in one argument as well"),
        (&["--kv_transfer_config.kv_role=a"], Some(r#"{"kv_role":"a"}"#), "underscores become dashes up to the first point only"),
        (&["--kv-transfer.kv_role=a"], Some(r#"{"kv_role":"a"}"#), "a prefix"),
        (
            &["--kv-transfer-config.a", "1", "--enforce-eager", "--kv-transfer-config.b.c", "true", "--kv-transfer-config.b.d=x"],
            Some(r#"{"a":1,"b":{"c":true,"d":"x"}}"#),
            "all are gathered, and JSON within them is read",
        ),
        (
            &["--kv-transfer-config.a", "1", r#"--kv-transfer-config={"z":1}"#],
            Some(r#"{"a":1}"#),
            "they replace a JSON given anywhere, also behind them",
        ),
        (&["--kv-transfer-config.a=1", "--kv-transfer-config.a=2"], Some(r#"{"a":2}"#), "the last one wins"),
        (&[r#"--kv-transfer-config.a={"b":1}"#, "--kv-transfer-config.a.c=2"], Some(r#"{"a":{"b":1,"c":2}}"#), "objects are merged"),
        (&["--kv-transfer-config.l+", "x,y", "--kv-transfer-config.l+=z"], Some(r#"{"l":["x","y","z"]}"#), "a plus appends to a list"),
        (
            &["--kv-transfer-config.kv_role", "--kv_both"],
            Some(r#"{"kv_role":"--kv-both"}"#),
            "a value with dashes is respelled, as in vLLM",
        ),
        (&["--kv-transfer-config.kv_role"], None, "without a value vLLM fails"),
        (&["--", "--kv-transfer-config.kv_role", "kv_both"], None, "behind -- it is no option"),
        (&["--kv-transfer-config"], None, "no value at all"),
    ];
    for (args, json, reason) in cases {
        assert_eq!(parse(args).value("kv-transfer-config"), json, "{args:?}: {reason}");
    }
}

#[test]
fn flags_are_set_and_unset() {
    let cases: [(&[&str], Option<bool>, &str); 9] = [
        (&[], None, "not given"),
        (&["--disable-hybrid-kv-cache-manager"], Some(true), "set"),
        (&["--no-disable-hybrid-kv-cache-manager"], Some(false), "unset"),
        (&["--enable-hybrid-kv-cache-manager"], Some(false), "unset by its counterpart"),
        (&["--no-enable-hybrid-kv-cache-manager"], None, "no name of it: 0.33 turns around the name itself only"),
        (&["--disable_hybrid_kv"], Some(true), "set by a prefix"),
        (&["--no-disable-hybrid", "--disable-hybrid-kv-cache-manager"], Some(true), "the last one wins"),
        (&["--disable-hybrid-kv-cache-manager", "--enable-hybrid"], Some(false), "whichever it is"),
        (&["--enable-prefix-caching"], None, "another flag"),
    ];
    for (args, set, reason) in cases {
        assert_eq!(parse(args).flag("disable-hybrid-kv-cache-manager"), set, "{args:?}: {reason}");
    }
}

#[test]
fn what_belongs_to_no_option_is_kept_apart() {
    let cases: [(&[&str], &[&str], &str); 9] = [
        (&["-tp", "4", "--seed=1"], &[], "nothing is left over"),
        (&["--new-in-a-later-version", "a", "b"], &[], "an option that nobody knows may take any number of values"),
        (&["--tensor-parallel-size 2"], &["--tensor-parallel-size 2"], "a flag and its value in one word"),
        (&["-tp", "4", "8"], &["8"], "a second value"),
        (&["--enforce-eager", "true"], &["true"], "the value of a flag"),
        (&["", "-"], &["", "-"], "words that cannot be options"),
        (&["--", "-tp", "4"], &["-tp", "4"], "everything behind --"),
        (&["--served-model-name", "a", "b"], &[], "a list has no end"),
        (&["--new-in-a-later-version={\"a\": 1}"], &[], "an option of a later version, even with a space in its value"),
    ];
    for (args, strays, reason) in cases {
        let found: Vec<String> = parse(args).strays().iter().map(|(_, word)| word.clone()).collect();
        assert_eq!(found, strays, "{args:?}: {reason}");
    }
}

#[test]
fn everything_found_says_which_argument_it_is_in() {
    let args =
        parse(&["--seed", "1", "-tp=2", "x", "--kv-transfer-config.a", "1", "--tensor-parallel-size", "4", "--kv-transfer-config.b=2"]);
    assert_eq!(args.at("seed"), Some(0), "the argument with the option's name, not its value");
    assert_eq!(args.at("tensor-parallel-size"), Some(6), "the last one, which wins");
    assert_eq!(args.at("kv-transfer-config"), Some(4), "the first of the dotted keys");
    assert_eq!(args.at("dtype"), None, "not given");
    assert_eq!(args.strays(), [(3, "x".to_owned())], "a word of its own");
    assert_eq!(parse(&["-O3", "x"]).strays(), [(1, "x".to_owned())], "an argument that vLLM takes apart is still one");
}

#[test]
fn what_may_set_more_is_told_from_what_may_undo() {
    let cases = [
        ("--seed=1", false, false, "everything can be read"),
        ("$(EXTRA)", true, true, "the kubelet fills in an argument"),
        ("--config=a.yaml", true, false, "arguments win over a file"),
        ("--seed=$(SEED)", false, false, "a value is no option"),
        ("--data-parallel-s=2", true, true, "vLLM cannot tell which is meant"),
    ];
    for (arg, more, opaque, reason) in cases {
        let args = parse(&[arg]);
        assert_eq!((args.may_set_more(&["HF_TOKEN"]), args.is_opaque()), (more, opaque), "{arg}: {reason}");
    }
    assert!(parse(&[]).may_set_more(&["VLLM_ADDITIONAL_ARGS"]), "the environment holds arguments, too");
    assert!(!parse(&[]).is_opaque(), "which come first, so that others win");
}

#[test]
fn other_options_are_read_by_their_long_name() {
    let args = parse(&["-O3", "-q", "fp8", "--block_size=128", "--served-model-name", "a", "b", "--dtype", "auto", "--dtype"]);
    let cases = [
        ("optimization-level", Some("3"), "-O with its level attached"),
        ("quantization", Some("fp8"), "a short option"),
        ("block-size", Some("128"), "underscores"),
        ("served-model-name", Some("b"), "the last one of a list"),
        ("dtype", None, "given last without a value"),
        ("seed", None, "not given"),
    ];
    assert_eq!(args.values("served-model-name"), ["a", "b"], "all of a list");
    for (name, value, reason) in cases {
        assert_eq!(args.value(name), value, "{name}: {reason}");
    }
    assert!(args.is_given("dtype"), "given all the same");
    assert!(!args.is_given("seed"), "not given");
}

#[test]
fn hostile_depth_and_length_are_harmless() {
    let deep = format!("--kv-transfer-config{}=1", ".a".repeat(100_000));
    assert_eq!(parse(&[&deep]).value("kv-transfer-config"), None, "deeper than JSON may be nested");
    let json = format!("--kv-transfer-config.a={}1", "[".repeat(100_000));
    assert!(parse(&[&json]).is_given("kv-transfer-config"), "JSON that is too deep is text");
    let long = vec!["--x.y=1"; 10_000];
    assert_eq!(parse(&long).gpus(&[]), Unstated);
}

proptest! {
    /// Hostile arguments are an answer, not a panic.
    #[test]
    fn any_arguments_are_read(args in prop::collection::vec(
        prop_oneof!["\\PC{0,12}", "--?[a-z_.+=]{0,12}", "-{0,3}(tp|dp|n|O|config|headless|nnodes|data-parallel)[.=+]{0,2}[0-9$()A]{0,4}"], 0..12)
    ) {
        let parsed = EngineArgs::parse_for(ANY, &args);
        prop_assert_ne!(parsed.gpus(&[]), Stated(0));
    }

    /// The order of different options does not matter.
    #[test]
    fn different_options_commute(tp in 1_u32..64, pp in 1_u32..8, dp in 1_u32..8, order in Just([0, 1, 2]).prop_shuffle()) {
        let pairs = [("-tp", tp), ("--pipeline-parallel-size", pp), ("--data_parallel_size", dp)];
        let args: Vec<String> = order.iter().flat_map(|&at: &usize| [pairs[at].0.to_owned(), pairs[at].1.to_string()]).collect();
        prop_assert_eq!(EngineArgs::parse_for(ANY, &args).gpus(&[]), Stated(tp * pp * dp));
    }
}
