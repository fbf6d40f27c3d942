//! The examples of this project through `preview`, as people run it.

use std::path::PathBuf;

use clap::Parser as _;
use function_modelplane::cli::preview::{Preview, Verdict, preview};

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    preview: Preview,
}

/// Runs the command with its words and standard input.
fn run(words: &[&str], stdin: &str) -> (Verdict, String, String) {
    let command = Command::parse_from(std::iter::once("preview").chain(words.iter().copied()));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let verdict = preview(&command.preview, &mut stdin.as_bytes(), &mut out, &mut err).unwrap();
    (verdict, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn example(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).display().to_string()
}

#[test]
fn the_proposals_own_resources_are_placed_on_both_environments_with_rdma() {
    let (verdict, out, err) = run(&[&example("llama-405b")], "");
    let expected = "\
DEPLOYMENT                 ENVIRONMENT  TOPOLOGY       PROFILE      DECODE              PREFILL
ml-team-a/llama-405b-prod  us-east      PrefillDecode  vllm-disagg  2 x 4 GPUs on h200  8 x 1 GPUs on h200
ml-team-a/llama-405b-prod  us-west      PrefillDecode  vllm-disagg  2 x 4 GPUs on h200  8 x 1 GPUs on h200
ml-team-a/llama-405b-prod: 2/2 placed; 1/3 environments rejected: 1 lacks label modelplane.ai/rdma=true
  rejected eu-central: ProfileSelectorMismatch: lacks label modelplane.ai/rdma=true (profile vllm-disagg)
";
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::Placed, expected, ""));
}

#[test]
fn where_nothing_has_rdma_the_deployment_fails_visibly_and_is_not_served_unified() {
    let (verdict, out, err) = run(&[&example("no-rdma")], "");
    let expected = "\
ml-team-a/chat: 0/1 placed; 2/2 environments rejected: 2 lack label modelplane.ai/rdma=true
  rejected ethernet: NoRdma: lacks label modelplane.ai/rdma=true, which PrefillDecode needs (profile disaggregated)
  rejected here: NoRdma: lacks label modelplane.ai/rdma=true, which PrefillDecode needs (profile disaggregated)
";
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::NotPlaced, expected, ""));
}

#[test]
fn everything_that_the_examples_compose_is_as_it_was_last_read() {
    for name in ["llama-405b", "llama-70b", "unified", "no-rdma", "break-glass"] {
        let (_, out, err) = run(&[&example(name), "-o", "yaml"], "");
        assert_eq!(err, "", "{name}");
        insta::assert_snapshot!(format!("example-{name}"), out);
    }
}

#[test]
fn what_is_wrong_with_a_manifest_is_said_with_its_place() {
    let deployment =
        |spec: &str| format!("apiVersion: modelplane.ai/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: chat\nspec:\n{spec}");
    let cases = [
        (
            "no default ratio of prefill to decode is made up",
            deployment("  modelRef: {name: llama}\n  environments: 1\n  topology: PrefillDecode\n"),
            "<stdin>:5:1: ModelDeployment chat: spec.prefill: is missing; topology PrefillDecode needs prefill.scaling, there is no \
             default ratio of prefill to decode\n",
        ),
        (
            "a misspelt topology would otherwise be served unified",
            deployment("  modelRef: {name: llama}\n  environments: 1\n  topolgy: PrefillDecode\n"),
            "<stdin>:5:1: ModelDeployment chat: spec: unknown field `topolgy`, expected one of `modelRef`, `environments`, \
             `environmentSelector`, `topology`, `scaling`, `prefill`, `strategy`, `crossplane`\n",
        ),
        (
            "a label's value is text, as on the API server",
            deployment("  modelRef: {name: llama}\n  environments: 1\n  environmentSelector:\n    matchLabels:\n      rdma: true\n"),
            "<stdin>:10:7: ModelDeployment chat: spec.environmentSelector.matchLabels.rdma: invalid type: boolean `true`, expected a \
             string\n",
        ),
        (
            "nothing to preview is not a success",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n".to_owned(),
            "no ModelDeployment of modelplane.ai/v1alpha1 in these manifests\n",
        ),
    ];
    for (why, manifests, expected) in cases {
        let (verdict, out, err) = run(&["-"], &manifests);
        assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::BadInput, "", expected), "{why}");
    }
}

#[test]
fn deployments_that_share_environments_see_what_the_others_hold() {
    // Both want all 16 GPUs of us-east, so the second one by name goes without.
    let mut manifests = std::fs::read_to_string(PathBuf::from(example("llama-405b")).join("clustermodel.yaml")).unwrap();
    let environments = std::fs::read_to_string(PathBuf::from(example("llama-405b")).join("environments.yaml")).unwrap();
    manifests.push_str("---\n");
    manifests.push_str(environments.split("---\n").next().unwrap());
    let deployment = std::fs::read_to_string(PathBuf::from(example("llama-405b")).join("modeldeployment.yaml")).unwrap();
    for name in ["first", "second"] {
        manifests.push_str("---\n");
        manifests.push_str(&deployment.replace("llama-405b-prod", name).replace("environments: 2", "environments: 1"));
    }
    let (verdict, out, _) = run(&["-"], &manifests);
    let expected = "\
DEPLOYMENT       ENVIRONMENT  TOPOLOGY       PROFILE      DECODE              PREFILL
ml-team-a/first  us-east      PrefillDecode  vllm-disagg  2 x 4 GPUs on h200  8 x 1 GPUs on h200
ml-team-a/first: 1/1 placed

ml-team-a/second: 0/1 placed; 1/1 environments rejected: 1 short of GPUs (need 16, at most 0 free)
  rejected us-east: InsufficientGpus: needs decode 2 x 4 GPUs and prefill 8 x 1 GPUs packed onto nodes; pool h200 has 0 of 16 free (profile vllm-disagg)
";
    assert_eq!((verdict, out.as_str()), (Verdict::NotPlaced, expected));
}
