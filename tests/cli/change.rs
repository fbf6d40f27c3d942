//! `preview --live --change`, as people run it.

use std::fs;
use std::process::Command as Process;

use clap::Parser as _;
use function_modelplane::cli::manifests::load;
use function_modelplane::cli::preview::{Preview, preview};
use function_modelplane::cli::verdict::Verdict;
use function_modelplane::cli::yaml_output::to_yaml;
use serde_json::{Value, json};

use super::played_fleet::fleet_path;

#[derive(Debug, clap::Parser)]
struct Command {
    #[command(flatten)]
    preview: Preview,
}

/// Runs the command with its output in a pipe.
pub(super) fn run(words: &[&str]) -> (Verdict, String, String) {
    let command = Command::parse_from(["preview"].iter().chain(words));
    let (mut out, mut err) = (anstream::AutoStream::never(Vec::new()), Vec::new());
    let verdict = preview(&command.preview, &mut std::io::empty(), &mut out, &mut err).unwrap();
    (verdict, String::from_utf8(out.into_inner()).unwrap(), String::from_utf8(err).unwrap())
}

/// What it says for machines.
pub(super) fn said(words: &[&str]) -> Value {
    let (_, out, err) = run(&[words, &["-o", "json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

pub(super) fn example(name: &str) -> String {
    fleet_path(name).display().to_string()
}

/// A folder with files.
pub(super) fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().display().to_string();
    (folder, path)
}

/// The export as its two files.
pub(super) fn export() -> (Vec<Value>, Vec<Value>) {
    let items = |file: &str| -> Vec<Value> {
        load(&[fleet_path("live").join(file)], &mut std::io::empty(), &mut Vec::new())
            .unwrap()
            .into_iter()
            .map(|manifest| manifest.object)
            .collect()
    };
    (items("modelplane.yaml"), items("composed.yaml"))
}

pub(super) fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn documents(items: &[Value]) -> String {
    items.iter().map(|item| to_yaml(item).unwrap()).collect::<Vec<_>>().join("---\n")
}

const QWEN: &str = "clustermodel/qwen-7b";

#[test]
fn what_cannot_be_used_is_said_and_nothing_else() {
    let (_empty, empty) = folder(&[]);
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n";
    let (_foreign, foreign) = folder(&[("secret.yaml", secret)]);
    let (composites, composed) = export();
    let (_twice, twice) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed)), ("c.json", &list(&composed[..3]))]);
    let mut other = composed[0].clone();
    other["spec"]["watch"] = json!(true);
    let (_differing, differing) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed)), ("c.yaml", &documents(&[other]))]);
    let (_incomplete, incomplete) = folder(&[("a.json", &list(&composites))]);
    let (_same, same) = folder(&[("a.yaml", &documents(&[composites[0].clone(), composites[0].clone()]))]);
    let live = example("live");
    let bad = Verdict::BadInput;
    let cases: &[(&str, &[&str], Verdict, &str)] = &[
        ("an empty export", &["--live", &empty, "--delete", QWEN], bad, "no *.yaml, *.yml or *.json file in this folder"),
        ("nothing of ours in it", &["--live", &foreign, "--delete", QWEN], bad, "--delete: ClusterModel qwen-7b does not exist\n"),
        ("no change", &["--live", &live], bad, "no object of modelplane.ai/v1alpha1 to apply or delete: there is no change\n"),
        (
            "nothing of ours in the change",
            &["--live", &live, "--change", &foreign],
            bad,
            "Secret x is left out: it is not of modelplane.ai",
        ),
        ("a name that is not there", &["--live", &live, "--delete", "ie/nowhere"], bad, "InferenceEnvironment nowhere does not exist\n"),
        (
            "a namespace that is not said",
            &["--live", &live, "--delete", "md/chat"],
            bad,
            "ModelDeployment default/chat does not exist; did you mean modeldeployment/ml-team-a/chat?\n",
        ),
        ("exported twice", &["--live", &twice, "--delete", "md/ml-team-d/batch"], Verdict::Disruptive, ""),
        ("two of one name", &["--live", &differing, "--delete", QWEN], bad, "is another one at"),
        (
            "without composed resources everything would seem to be placed anew",
            &["--live", &incomplete, "--delete", QWEN],
            bad,
            "has composed resources that are not here: Object",
        ),
        ("changed twice", &["--live", &live, "--change", &same], bad, "repeats the ClusterModel of"),
        (
            "changed and deleted",
            &["--live", &live, "--change", &example("change"), "--delete", "cm/mistral-24b"],
            bad,
            "ClusterModel mistral-24b is to be changed and deleted; do one of both\n",
        ),
        (
            "YAML",
            &["--live", &live, "--delete", QWEN, "-o", "yaml"],
            bad,
            "-o yaml: says what manifests become; with --live print -o json\n",
        ),
        ("JSON of manifests alone", &[&foreign, "-o", "json"], bad, "-o json: says what a change does; give --live and --change"),
    ];
    for (why, words, expected, message) in cases {
        let (verdict, out, err) = run(words);
        assert_eq!((verdict, out.is_empty()), (*expected, *expected == bad), "{why}: {out}{err}");
        assert!(err.contains(message) && (!err.is_empty() || message.is_empty()), "{why}: {err}");
    }
}

#[test]
fn an_object_to_delete_is_named_as_for_kubectl() {
    let parse =
        |word: &str| Command::try_parse_from(["preview", "--live", "x", "--delete", word]).map(|command| command.preview.change.delete);
    let same = ["clustermodel/llama", "clustermodels/llama", "cm/llama", "ClusterModel/llama", "clustermodels.modelplane.ai/llama"];
    for word in same {
        assert_eq!(parse(word).unwrap(), parse(same[0]).unwrap(), "{word}");
    }
    assert_eq!(parse("md/chat").unwrap(), parse("modeldeployments/default/chat").unwrap(), "as without a namespace everywhere");
    let wrong = [
        ("llama", "write KIND/NAME, or KIND/NAMESPACE/NAME"),
        ("pods/x", "there is no kind \"pods\"; write one of modeldeployments, inferenceenvironments, clustermodels, models"),
        ("cm/team/x", "ClusterModel has no namespace: write KIND/NAME"),
        ("md//x", "the name is missing"),
        ("/x", "there is no kind \"\""),
        ("a/b/c/d", "write KIND/NAME"),
    ];
    for (word, message) in wrong {
        let error = parse(word).unwrap_err().to_string();
        assert!(error.contains(message), "{word}: {error}");
    }
}

#[test]
fn the_form_and_the_order_of_the_export_do_not_matter() {
    let change = example("change");
    let words = |live: &str| [&["--live", live, "--change", &change, "--delete", "ie/eu-north"], &["-o", "json"][..]].concat().join("\n");
    let of = |live: &str| run(&words(live).split('\n').collect::<Vec<_>>());
    let expected = of(&example("live"));
    let (composites, composed) = export();
    let all: Vec<Value> = composites.into_iter().chain(composed).rev().collect();
    let (_one, one) = folder(&[("all.yaml", &documents(&all))]);
    assert_eq!(of(&one), expected, "documents in one file, backwards");
    let managed = |mut object: Value| {
        object["metadata"]["managedFields"] = json!([{"manager": "crossplane", "fieldsV1": {"f:spec": {}}}]);
        object
    };
    let (_two, two) = folder(&[("all.json", &list(&all.iter().cloned().map(managed).collect::<Vec<_>>()))]);
    assert_eq!(of(&two), expected, "a List with managed fields");
}

#[test]
fn a_model_that_is_used_cannot_be_deleted() {
    let live = example("live");
    let words = ["--live", live.as_str(), "--delete", "model/ml-team-c/reranker"];
    let (verdict, out, _) = run(&words);
    let expected = "\
0 deployments restart, 2 refused, 0 deleted, 18 unchanged

change: Model ml-team-c/reranker is deleted

ml-team-c/feed is refused, so nothing of it changes: spec.modelRef: Model reranker does not exist in namespace ml-team-c; create it or name another

ml-team-c/ranking is refused, so nothing of it changes: spec.modelRef: Model reranker does not exist in namespace ml-team-c; create it or name another
";
    assert!(out.starts_with(expected), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
}

#[test]
fn what_breaks_rules_is_refused_with_the_place_of_the_field() {
    let model = "apiVersion: modelplane.ai/v1alpha1\nkind: ClusterModel\nmetadata:\n  name: qwen-7b\nspec:\n  model:\n    name: a b\n";
    let (_folder, change) = folder(&[("model.yaml", model)]);
    let (verdict, out, _) = run(&["--live", &example("live"), "--change", &change]);
    let lines = "\nchange: ClusterModel qwen-7b is changed\n  CHANGE/model.yaml:";
    assert!(out.contains(&lines.replace("CHANGE", &change)), "{out}");
    assert!(out.contains("ml-team-a/search is refused, so nothing of it changes: ClusterModel qwen-7b is invalid: spec"), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced);
}

/// The example's change with an option in front of the others of a phase, and what runs with the same on the image before.
fn edited(option: &str, images: (&str, &str)) -> ((tempfile::TempDir, String), (tempfile::TempDir, String)) {
    let (mut composites, composed) = export();
    let is_model = |object: &Value| object["kind"] == json!("ClusterModel") && object["metadata"]["name"] == json!("mistral-24b");
    let model = composites.iter_mut().find(|object| is_model(object)).unwrap();
    let with = |model: &mut Value, image: &str, option: &str| {
        let engine = &mut model["spec"]["serving"][1]["engine"];
        engine["image"] = json!(image);
        engine["args"] = json!([option, "--tensor-parallel-size=2"]);
    };
    with(model, images.0, "--frobnicate");
    let mut change =
        json!({"apiVersion": model["apiVersion"], "kind": model["kind"], "metadata": {"name": "mistral-24b"}, "spec": model["spec"]});
    with(&mut change, images.1, "--frobnicate");
    change["spec"]["serving"][1]["engine"]["args"].as_array_mut().unwrap().insert(0, json!(option));
    let live = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    (live, folder(&[("model.yaml", &documents(&[change]))]))
}

#[test]
fn what_a_new_image_breaks_is_said_and_what_was_broken_before_is_not() {
    let ((_before, live), (_edit, change)) = edited("--swap-space=4", ("vllm/vllm-openai:v0.17.1", "vllm/vllm-openai:v0.33.0"));
    let words = ["--live", &live, "--change", &change];
    let findings = said(&words)["changes"][0]["findings"].clone();
    let found: Vec<(&str, &str, &str)> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["severity"].as_str().unwrap(), finding["rule"].as_str().unwrap(), finding["path"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [("error", "OptionUnknown", "spec.serving[1].engine.args[0]")],
        "--frobnicate, one further behind than it was, and everything of the other profile were there before: {findings:#}"
    );
    let (verdict, out, _) = run(&words);
    assert_eq!(verdict, Verdict::NotPlaced, "an engine that exits at start is no change that goes well");
    let written = fs::read_to_string(format!("{change}/model.yaml")).unwrap();
    let at = written.lines().position(|line| line.contains("--swap-space")).unwrap() + 1;
    let expected = format!(
        "change: ClusterModel mistral-24b is changed\n  {change}/model.yaml:{at}:9: error OptionUnknown: spec.serving[1].engine.args[0]: the engine exits \
         at start because vLLM has had no --swap-space since 0.18.0; remove it: nothing is swapped to the CPU any more\n"
    );
    assert!(out.contains(&expected), "{out}");
}

#[test]
fn an_image_that_has_everything_breaks_nothing() {
    let ((_before, live), (_edit, change)) = edited("--max-num-seqs=8", ("vllm/vllm-openai:v0.32.0", "vllm/vllm-openai:v0.33.0"));
    assert_eq!(said(&["--live", &live, "--change", &change])["changes"][0]["findings"], json!([]));
}

#[test]
fn what_happens_without_the_change_too_is_told_apart() {
    let (composites, mut composed) = export();
    let mail = |object: &&mut Value| {
        object["metadata"]["ownerReferences"][0]["name"] == json!("mail")
            && object["spec"]["forProvider"]["manifest"]["kind"] == json!("LLMInferenceService")
    };
    let object = composed.iter_mut().find(mail).unwrap();
    object["spec"]["forProvider"]["manifest"]["spec"]["template"]["containers"][0]["image"] = json!("vllm/vllm-openai:v0.18.0");
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let words = ["--live", live.as_str(), "--delete", "md/ml-team-d/playground"];
    let (_, out, _) = run(&words);
    assert!(out.contains("\nml-team-b/mail also without the change: restarts in us-east (Unified)\n"), "{out}");
    assert!(out.starts_with("0 deployments restart, 0 refused, 1 deleted, 19 unchanged\n"), "{out}");
    let report = said(&words);
    let mail = report["deployments"].as_array().unwrap().iter().find(|deployment| deployment["name"] == json!("mail")).unwrap();
    let fields =
        json!([{"path": "spec.template.containers[main].image", "from": "vllm/vllm-openai:v0.18.0", "to": "vllm/vllm-openai:v0.32.0"}]);
    assert_eq!((&mail["outcome"], &mail["withoutChange"]["outcome"]), (&json!("unchanged"), &json!("restarted")));
    assert_eq!(mail["withoutChange"]["placements"][0]["restarts"][0]["fields"], fields);
    let premium = report["deployments"].as_array().unwrap().iter().find(|deployment| deployment["name"] == json!("premium")).unwrap();
    assert_eq!(premium["withoutChange"]["outcome"], json!("waiting"), "as it does already");
}

#[test]
fn an_input_in_the_composition_counts_as_it_does_in_the_cluster() {
    let (composites, composed) = export();
    let composition = |input: &str| {
        json!({"apiVersion": "apiextensions.crossplane.io/v1", "kind": "Composition", "metadata": {"name": "modeldeployments.modelplane.ai"},
            "spec": {"compositeTypeRef": {"apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment"}, "mode": "Pipeline", "pipeline": [
                {"step": "modelplane", "input": {"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input", "rdma": input}}]}})
    };
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed)), ("c.json", &list(&[composition("Pin")]))]);
    let (_new, change) = folder(&[("composition.yaml", &to_yaml(&composition("Wrong")).unwrap())]);
    let report = said(&["--live", &live, "--change", &change]);
    assert_eq!(report["summary"]["refused"], json!(20));
    let message = report["deployments"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("input: rdma: unknown value `Wrong`"), "{message}");
}

#[test]
fn a_paused_deployment_is_left_alone() {
    let (mut composites, composed) = export();
    let mail = composites.iter_mut().find(|object| object["metadata"]["name"] == json!("mail")).unwrap();
    mail["metadata"]["annotations"] = json!({"crossplane.io/paused": "true"});
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let (_, out, _) = run(&["--live", &live, "--change", &example("change")]);
    assert!(out.contains("ml-team-b/mail (paused)") && out.starts_with("4 deployments restart"), "{out}");
}

#[test]
fn what_a_secret_holds_is_never_printed() {
    let (composites, mut composed) = export();
    let mut tokens = 0;
    for object in &mut composed {
        let manifest = &mut object["spec"]["forProvider"]["manifest"];
        if manifest["kind"] == json!("Secret") {
            tokens += 1;
            manifest["data"] = json!({"HF_TOKEN": "c2VjcmV0"});
            object["status"]["atProvider"] = json!({"manifest": {"data": {"HF_TOKEN": "c2VjcmV0"}}});
        }
    }
    assert!(tokens > 3);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hugging-face", "namespace": "modelplane-system"},
        "data": {"token": "c2VjcmV0"}});
    composed.push(secret);
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    for (delete, format) in [("md/ml-team-a/chat", "table"), ("ie/us-east", "json")] {
        let (_, out, err) = run(&["--live", &live, "--delete", delete, "-o", format]);
        assert!(out.contains("token-us-east") && !format!("{out}{err}").contains("c2VjcmV0"), "{delete}");
    }
}

/// As people and pipelines run it.
#[test]
fn colours_are_for_terminals_and_the_exit_code_is_for_gates() {
    let colours = |environment: &[(&str, &str)]| {
        let mut command = Process::new(env!("CARGO_BIN_EXE_function-modelplane"));
        command.args(["preview", "--live", &example("live"), "--delete", "md/ml-team-d/batch"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").envs(environment.iter().copied());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout.contains(&0x1b)
    };
    assert!(!colours(&[]), "none in a pipe");
    assert!(colours(&[("CLICOLOR_FORCE", "1")]), "but where somebody asks for them");
    assert!(!colours(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "and nobody says no");
}

/// The model of three deployments gets decode pods of another size.
#[test]
fn what_a_rolling_update_needs_is_held_against_what_is_free_while_the_old_pods_are_there() {
    let mut model = export().0.into_iter().find(|object| object["metadata"]["name"] == json!("llama-70b")).unwrap();
    model["spec"]["serving"][0]["resources"]["gpu"] = json!(8);
    let (_folder, change) = folder(&[("model.yaml", &to_yaml(&model).unwrap())]);
    let words = ["--live", &example("live"), "--change", &change];
    let report = said(&words);
    let chat = report["deployments"].as_array().unwrap().iter().find(|deployment| deployment["name"] == json!("chat")).unwrap();
    let surge = json!({"pool": "h200", "replicas": 1, "extraReplicas": 1, "maxUnavailable": 0, "gpus": 8, "free": 3, "fits": false});
    assert_eq!(chat["placements"][1]["restarts"][0]["surge"], surge);
    let pools = json!([
        {"environment": "eu-central", "pool": "h100", "phases": 2, "gpus": 16, "free": 2},
        {"environment": "us-east", "pool": "h200", "phases": 2, "gpus": 16, "free": 3},
    ]);
    assert_eq!(report["pools"], pools);
    let (verdict, out, _) = run(&words);
    let stuck = "decode: rolls with 1 pod more, which needs 8 GPUs of pool h200; 3 are free, so it does not get on until there are\n";
    assert!(out.contains(stuck), "{out}");
    assert_eq!(verdict, Verdict::NotPlaced, "more is promised than there is");
}

/// An autoscaler has added a pod to the one that is always there: both are replaced, and the second holds what was free.
#[test]
fn a_rolling_update_is_reckoned_of_the_replicas_that_run_not_of_the_fewest() {
    let (composites, mut composed) = export();
    let captions = composed.iter_mut().find(|object| object["metadata"]["name"] == json!("captions-7097bac00ce7")).unwrap();
    captions["status"]["atProvider"]["manifest"]["status"]["workloads"] = json!({"primary": {"readyReplicas": 2}});
    let (_folder, live) = folder(&[("a.json", &list(&composites)), ("b.json", &list(&composed))]);
    let report = said(&["--live", &live, "--change", &example("change/clustermodel.yaml")]);
    let captions = report["deployments"].as_array().unwrap().iter().find(|deployment| deployment["name"] == json!("captions")).unwrap();
    // Of the 32 GPUs of the pool 30 are promised, and 2 more are held by the pod that was added.
    let surge = json!({"pool": "h100", "replicas": 2, "extraReplicas": 1, "maxUnavailable": 0, "gpus": 2, "free": 0, "fits": false});
    assert_eq!(captions["placements"][0]["restarts"][0]["surge"], surge);
}
