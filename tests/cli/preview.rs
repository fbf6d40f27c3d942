//! The examples of this project through `preview`, as people run it.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use function_modelplane::cli::preview::{Preview, preview};
use function_modelplane::cli::verdict::Verdict;

use super::examples::examples;

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    preview: Preview,
}

/// Runs the command with its words and standard input.
pub(super) fn run(words: &[&str], stdin: &str) -> (Verdict, String, String) {
    let command = Command::parse_from(std::iter::once("preview").chain(words.iter().copied()));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let verdict = preview(&command.preview, &mut stdin.as_bytes(), &mut out, &mut err).unwrap();
    (verdict, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// The table of a folder.
pub(super) fn preview_of(folder: &Path) -> String {
    run(&[&folder.display().to_string()], "").1
}

/// Everything that would be composed of a folder.
pub(super) fn composed_of(folder: &Path) -> String {
    let (_, out, err) = run(&[&folder.display().to_string(), "-o", "yaml"], "");
    assert_eq!(err, "", "{}", folder.display());
    out
}

fn example(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).display().to_string()
}

#[test]
fn an_autoscaled_phase_is_shown_with_its_limits() {
    let (verdict, out, err) = run(&[&example("autoscaled")], "");
    let expected = "\
DEPLOYMENT           ENVIRONMENT  TOPOLOGY       PROFILE             DECODE                PREFILL
ml-team-a/llama-70b  us-east      PrefillDecode  h200-disaggregated  1-3 x 4 GPUs on h200  2-6 x 2 GPUs on h200
ml-team-a/llama-70b: 1/1 placed
";
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::Placed, expected, ""));
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

/// What the function says of an object is told where the field is that it is about, not where the object begins.
#[test]
fn what_holds_an_environment_back_is_told_at_its_field() {
    let manifest = "\
apiVersion: modelplane.ai/v1alpha1
kind: InferenceEnvironment
metadata: {name: east}
spec:
  cluster:
    source: GKE
    gke:
      project: fleet-1
      region: us-east4
      nodePools:
        - {name: h200, role: GPU, machineType: a3-ultragpu-8g, gpu: {acceleratorType: nvidia-h200, acceleratorCount: 8, memory: 141Gi}}
";
    let (_, _, err) = run(&["-"], manifest);
    let line = "<stdin>:6:5: InferenceEnvironment east: spec.cluster.source: GKE clusters are provisioned by another function; ";
    assert!(err.starts_with(line), "{err}");
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
fn the_tables_of_the_examples_are_as_they_were_last_read() {
    let table = |folder: PathBuf| format!("# {}\n{}", folder.file_name().unwrap().display(), preview_of(&folder));
    insta::assert_snapshot!("tables", examples().into_iter().map(table).collect::<Vec<_>>().join("\n"));
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
            "<stdin>:8:3: ModelDeployment chat: spec.topolgy: unknown field, did you mean `topology`?\n",
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

/// A model of one profile, a deployment of it and an environment, each a document; `profile` and `spec` are lines of a profile and of a
/// deployment.
fn manifests(profile: &str, deployment: &str) -> String {
    format!(
        "\
apiVersion: modelplane.ai/v1alpha1
kind: ClusterModel
metadata: {{name: llama}}
spec:
  model: {{name: llama}}
  source: URI
  uri: s3://models/llama
  resources: {{vram: 10Gi}}
  serving:
  - name: plain
    engine: {{name: vLLM, image: vllm}}
  - name: other
{profile}
---
apiVersion: modelplane.ai/v1alpha1
kind: ModelDeployment
metadata: {{name: chat}}
spec:
  modelRef: {{name: llama}}
  environments: 1
{deployment}
---
apiVersion: modelplane.ai/v1alpha1
kind: InferenceEnvironment
metadata: {{name: here}}
spec: {{cluster: {{source: Local, local: {{nodePools: [{{name: l4, gpu: {{acceleratorType: l4, memory: 24Gi}}}}]}}}}}}
"
    )
}

const PLACED: &str = "\
DEPLOYMENT    ENVIRONMENT  TOPOLOGY  PROFILE  DECODE            PREFILL
default/chat  here         Unified   plain    1 x 1 GPUs on l4  -
default/chat: 1/1 placed
";

#[test]
fn a_broken_profile_is_bad_input_where_a_deployment_would_use_it() {
    let broken = "    engine: {name: vLLM, image: \"{{x}}\"}\n    resources:\n      gpu: 0\n      sharedMemory: -1";
    let lines = "\
<stdin>:13:26: ClusterModel llama: spec.serving[1].engine.image: must be an image reference without spaces or \"{{\"
<stdin>:15:7: ClusterModel llama: spec.serving[1].resources.gpu: is 0; set it to 1 to 1024
<stdin>:16:7: ClusterModel llama: spec.serving[1].resources.sharedMemory: is -1; set it to more than 0
";
    let (verdict, out, err) = run(&["-"], &manifests(broken, ""));
    assert!(out.starts_with("default/chat: 0/1 placed; spec.serving[1].engine.image: "), "{out}");
    assert_eq!((verdict, err.as_str()), (Verdict::BadInput, lines), "every violation has a line and a place of its own");
    let other =
        format!("{broken}\n    topology: PrefillDecode\n    prefill:\n      engine: {{name: vLLM, image: i}}\n      resources: {{gpu: 1}}");
    let (verdict, out, err) = run(&["-"], &manifests(&other, ""));
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::Placed, PLACED, lines), "said, but no deployment here would use it");
}

#[test]
fn one_bad_object_does_not_hide_what_becomes_of_the_others() {
    let text = format!(
        "{}---\napiVersion: modelplane.ai/v1alpha1\nkind: InferenceEnvironment\nmetadata: {{name: unused}}\nspec:\n  cluster:\n    \
         source: Existing\n---\napiVersion: modelplane.ai/v1alpha1\nkind: Model\nmetadata: {{name: unused}}\nspec:\n  model: {{nam: x}}\n\
         ---\napiVersion: modelplane.ai/v1alpha1\nkind: ModelDeployment\nmetadata: {{name: huge}}\nspec:\n  modelRef: {{name: llama}}\n  \
         environments: 1000\n  scaling: {{signal: Fixed, fixed: {{replicas: 0}}}}\n",
        manifests("    engine: {name: vLLM, image: vllm}", "")
    );
    let (verdict, out, err) = run(&["-"], &text);
    let rejected = "1/2 environments rejected: 1 invalid\n  rejected unused: EnvironmentInvalid: spec.cluster.existing: is missing; source \
                    Existing needs it\n";
    assert_eq!(out, format!("{}; {rejected}", PLACED.trim_end()));
    let problems = "\
<stdin>:32:3: InferenceEnvironment unused: spec.cluster.existing: is missing; source Existing needs it
<stdin>:46:3: ModelDeployment huge: spec.environments: is 1000; set it to 1 to 100
<stdin>:47:36: ModelDeployment huge: spec.scaling.fixed.replicas: is 0; set it to 1 to 100000
<stdin>:39:11: Model unused: spec.model.nam: unknown field, did you mean `name`?
";
    assert_eq!((verdict, err.as_str()), (Verdict::BadInput, problems), "also of what nobody uses");
}

#[test]
fn objects_of_others_are_ignored() {
    let text = manifests("    engine: {name: vLLM, image: vllm}", "");
    let configmap = |namespace: &str| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: same, namespace: {namespace}}}\n");
    let (verdict, out, err) = run(&["-"], &format!("{text}{}{}", configmap("a"), configmap("b")));
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::Placed, PLACED, ""), "one name in two namespaces is no repetition");
    let twice = text.split("---\n").nth(1).unwrap();
    let (verdict, _, err) = run(&["-"], &format!("{text}---\n{twice}"));
    assert_eq!((verdict, err.as_str()), (Verdict::BadInput, "<stdin>:28:1: repeats the ModelDeployment of <stdin>:15:1\n"), "ours is one");
}

#[test]
fn what_is_of_our_group_and_nobody_knows_is_not_ignored() {
    let (verdict, _, err) = run(&["-"], "apiVersion: modelplane.ai/v1alpha1\nkind: ModelDeploymnet\nmetadata: {name: a}\n");
    let expected = "<stdin>:2:1: kind: is \"ModelDeploymnet\"; did you mean ModelDeployment?\n";
    assert_eq!((verdict, err.as_str()), (Verdict::BadInput, expected));
}

#[test]
fn what_preview_prints_can_be_previewed() {
    let file = |name: &str| PathBuf::from(example("llama-405b")).join(name).display().to_string();
    let paths = [file("clustermodel.yaml"), file("environments.yaml"), file("modeldeployment.yaml")];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (_, table, _) = run(&paths, "");
    let (_, printed, _) = run(&[&paths[..], &["-o", "yaml"]].concat(), "");
    let (verdict, again, err) = run(&[&paths[..2], &["-"]].concat(), &printed);
    assert_eq!((verdict, again, err.as_str()), (Verdict::Placed, table, ""), "composed resources and results have no names yet");
}
