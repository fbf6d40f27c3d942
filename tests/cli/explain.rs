//! `explain`, as people run it.

use std::path::PathBuf;

use clap::Parser as _;
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::verdict::Verdict;
use serde_json::{Value, json};

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    explain: Explain,
}

/// Runs the command on one of the examples.
fn run(example: &str, words: &[&str]) -> (Verdict, String, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).display().to_string();
    let command = Command::parse_from(["explain", &path].into_iter().chain(words.iter().copied()));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let verdict = explain(&command.explain, &mut std::io::empty(), &mut out, &mut err).unwrap();
    (verdict, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn who_goes_without_sees_every_check_and_who_holds_the_gpus_but_no_names() {
    let (verdict, out, err) = run("contention", &["--deployment", "ml-team-c/assistant"]);
    let expected = "\
ml-team-c/assistant: 0/1 placed; 1/1 environments rejected: 1 short of GPUs (need 8, at most 0 free)

  us-east: rejected: InsufficientGpus: needs decode 2 x 2 GPUs and prefill 4 x 1 GPUs packed onto nodes; pool h200 has 0 of 16 free (profile disaggregated)
    ok  existence: is not being deleted
    ok  availability: is Schedulable
    ok  access: through ClusterProviderConfig us-east-cluster-kubeconfig
    ok  deployment's selector: asks for no label
    ok  profile's selector (disaggregated): has modelplane.ai/rdma=true
    ok  RDMA (disaggregated): has modelplane.ai/rdma=true
    ok  accelerator and node size (disaggregated): decode can run on h200 (needs 2 of 8 GPUs on a node)
    ok  accelerator and node size (disaggregated): prefill can run on h200 (needs 1 of 8 GPUs on a node)
    no  free GPUs (disaggregated): needs decode 2 x 2 GPUs and prefill 4 x 1 GPUs packed onto nodes; pool h200 has 0 of 16 free (profile disaggregated)

  ENVIRONMENT  POOL  NODES  GPUS  OTHERS  THIS  FREE
  us-east      h200  2 x 8    16      16     0     0
";
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::NotPlaced, expected, ""));
}

#[test]
fn the_first_failed_check_is_the_last_one_shown() {
    let (verdict, out, _) = run("llama-405b", &["-o", "json"]);
    let explained: Value = serde_json::from_str(&out).unwrap();
    let environments = explained[0]["environments"].as_array().unwrap();
    let outcomes: Vec<(&str, bool, bool)> = environments
        .iter()
        .map(|environment| {
            let last = environment["checks"].as_array().unwrap().last().unwrap();
            (environment["environment"].as_str().unwrap(), environment["placed"] == json!(true), last["passed"] == json!(true))
        })
        .collect();
    assert_eq!(verdict, Verdict::Placed);
    assert_eq!(outcomes, [("eu-central", false, false), ("us-east", true, true), ("us-west", true, true)]);
    assert_eq!(
        environments[1]["pools"],
        json!([{"pool": "h200", "nodes": 2, "gpusPerNode": 8, "total": 16, "heldByOthers": 0, "heldByThis": 16, "free": 0}])
    );
}

#[test]
fn a_deployment_that_is_not_there_is_not_a_success() {
    let (verdict, out, err) = run("contention", &["--deployment", "ml-team-x/none"]);
    let expected = "no ModelDeployment ml-team-x/none of modelplane.ai/v1alpha1 in these manifests\n";
    assert_eq!((verdict, out.as_str(), err.as_str()), (Verdict::BadInput, "", expected));
}

/// To paste: with the namespace and the pods' names that the deployment has there, and only where something could be disaggregated.
#[test]
fn what_to_ask_prometheus_is_printed_once_for_all_environments_that_answer_it_alike() {
    let (_, out, _) = run("llama-405b", &[]);
    let (_, asked) = out.split_once("\n\n  does it disaggregate?").unwrap();
    let tokens = "vllm:prompt_tokens_by_source_total{namespace=\"ml-team-a\",pod=~\"llama-405b-prod-pd-kserve-[a-z0-9]+-[a-z0-9]{5}\"";
    let share = format!(
        "sum(rate({tokens},source=\"external_kv_transfer\"}}[5m])) / (sum(rate({tokens},source=~\"external_kv_transfer|local_compute\"}}[5m])) > 0)"
    );
    let failed = "sum(increase(vllm:nixl_num_failed_transfers_total{namespace=\"ml-team-a\",\
        pod=~\"llama-405b-prod-pd-kserve-(prefill-)?[a-z0-9]+(-[a-z0-9]{5})?\"}[5m]))";
    let expected = format!(
        " ask Prometheus about the last 5 minutes, on us-east, us-west:
    # prompt tokens that came from prefill, as a share: about 1, nothing without prompts; vLLM 0.16.0 or later
    {share}
    # transfers that failed: 0; vLLM 0.11.1 or later
    {failed}
"
    );
    assert_eq!(asked, expected);

    let (_, out, _) = run("llama-405b", &["-o", "json"]);
    let explained: Value = serde_json::from_str(&out).unwrap();
    let environments = explained[0]["environments"].as_array().unwrap();
    let queries: Vec<(&str, Option<&Value>)> =
        environments.iter().map(|each| (each["environment"].as_str().unwrap(), each.get("prometheus"))).collect();
    let both = json!({"shareFromPrefill": share, "failedTransfers": failed});
    assert_eq!(queries, [("eu-central", None), ("us-east", Some(&both)), ("us-west", Some(&both))]);
}

#[test]
fn of_a_unified_deployment_prometheus_is_asked_nothing() {
    let (verdict, text, _) = run("unified", &[]);
    let (_, structured, _) = run("unified", &["-o", "json"]);
    assert_eq!(verdict, Verdict::Placed);
    assert!(!text.contains("vllm:") && !structured.contains("prometheus"), "{text}{structured}");
}
