//! Which rules count, and how much: by flags, and by a configuration file over which flags win.

use std::fs;
use std::process::{Command, Output};

use function_modelplane::cli::lint::Found;
use tempfile::TempDir;

use super::lint::run;

/// An error of PortArg and one of KvRole, and a warning of NoRdmaSelector.
const MODEL: &str = r#"apiVersion: modelplane.ai/v1alpha1
kind: ClusterModel
metadata: {name: llama}
spec:
  model: {name: meta-llama/Llama}
  source: HuggingFace
  huggingFace: {repo: meta-llama/Llama}
  resources: {vram: 140Gi}
  serving:
    - name: one
      topology: PrefillDecode
      engine:
        name: vLLM
        image: vllm/vllm-openai:v0.32.0
        args:
          - --kv-transfer-config={"kv_connector":"NixlConnector"}
          - --port=9000
      prefill:
        engine:
          name: vLLM
          image: vllm/vllm-openai:v0.32.0
          args:
            - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}
        resources: {gpu: 1}
"#;

/// The code, and each finding as `severity rule`.
fn found(words: &[&str], text: &str) -> (Found, Vec<String>) {
    let (found, out, err) = run(&[&["-"], words].concat(), text);
    assert_eq!(err, "", "{words:?}");
    let finding = |line: &str| line.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" ").trim_end_matches(':').to_owned();
    let lines: Vec<&str> = out.lines().collect();
    (found, lines[..lines.len() - 1].iter().map(|line| finding(line)).collect())
}

fn all(words: &[&str]) -> (Found, Vec<String>) {
    found(words, MODEL)
}

fn expected(found: Found, lines: &[&str]) -> (Found, Vec<String>) {
    (found, lines.iter().map(|line| (*line).to_owned()).collect())
}

/// A folder with a configuration file, and the path of that.
fn config(text: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("lint.yaml");
    fs::write(&file, text).unwrap();
    (folder, file.display().to_string())
}

const PORT: &str = "error PortArg";
const ROLE: &str = "error KvRole";
const RDMA: &str = "warning NoRdmaSelector";

#[test]
fn flags_say_which_rules_count() {
    for (words, outcome, lines, why) in [
        (vec![], Found::Errors, vec![PORT, ROLE, RDMA], "all"),
        (vec!["--select", "NoRdmaSelector"], Found::Clean, vec![RDMA], "the exit code is that of what counts"),
        (vec!["--select", "KvRole,PortArg"], Found::Errors, vec![PORT, ROLE], "several; in the order of the rules"),
        (vec!["--select", "KvRole", "--select=PortArg"], Found::Errors, vec![PORT, ROLE], "repeated"),
        (vec!["--ignore", "KvRole,PortArg"], Found::Clean, vec![RDMA], "the others"),
        (vec!["--ignore", "KvRole", "--ignore=PortArg", "--strict"], Found::Errors, vec![RDMA], "and warnings count where they do"),
        (vec!["--select", "KvRole,PortArg", "--ignore", "KvRole"], Found::Errors, vec![PORT], "what is left out is left out"),
    ] {
        assert_eq!(all(&words), expected(outcome, &lines), "{why}");
    }
}

#[test]
fn what_is_not_used_at_all_always_counts() {
    let broken = MODEL.replace("{gpu: 1}", "{gpu: 0}");
    let outcome = found(&["--select", "NoRdmaSelector"], &broken);
    assert_eq!(outcome, expected(Found::Errors, &["error SpecInvalid", RDMA]));
}

#[test]
fn a_file_says_how_much_rules_count_and_flags_win() {
    let (_folder, file) =
        config("lint:\n  severity:\n    PortArg: warning\n    KvRole: off\n    NoRdmaSelector: error\n    GpuUnused: error\n");
    let with = |words: &[&str]| all(&[&["--config", &file], words].concat());
    assert_eq!(with(&[]), expected(Found::Errors, &["warning PortArg", "error NoRdmaSelector"]), "a warning may be an error here");
    assert_eq!(with(&["--ignore", "NoRdmaSelector"]), expected(Found::Clean, &["warning PortArg"]), "and an error a warning");
    assert_eq!(with(&["--select", "KvRole"]), expected(Found::Errors, &[ROLE]), "what a flag asks for is looked for");
    let (_, out, _) = run(&["-", "-o", "json", "--config", &file], MODEL);
    assert!(out.contains("\"severity\": \"warning\"") && !out.contains("KvRole"), "machines are told the same: {out}");
    let (_folder, empty) = config("# nothing yet\n");
    assert_eq!(all(&["--config", &empty]), all(&[]), "an empty file changes nothing");
}

#[test]
fn everything_that_is_wrong_with_a_file_has_its_place() {
    let always = "is always an error, because what breaks it is not used at all; remove the line";
    for (text, expected, why) in [
        ("lint:\n  severty: {}\n", "2:3: lint.severty: unknown field, did you mean `severity`?", "a key"),
        ("lnit: {}\n", "1:1: lnit: unknown field, did you mean `lint`?", "at the top"),
        ("lint:\n  severity:\n    KvRol: off\n", "3:5: lint.severity.KvRol: there is no such rule; write KvRole", "a rule"),
        ("lint:\n  severity:\n    KvRole: of\n", "3:5: lint.severity.KvRole: is \"of\"; write error, warning or off", "a severity"),
        ("lint: {severity: {KvRole: true}}\n", "1:19: lint.severity.KvRole: is true; write error, warning or off", "true is none"),
        ("lint: {severity: {SpecInvalid: off}}\n", &format!("1:19: lint.severity.SpecInvalid: {always}"), "what always counts"),
        ("lint: {severity: {TemplateText: warning}}\n", &format!("1:19: lint.severity.TemplateText: {always}"), "nor less"),
        ("- lint\n", "1:1: is no mapping; write `lint: {severity: {RULE: error, warning or off}}`", "a list"),
        ("lint: [\n", "1:7: cannot read YAML: ", "no YAML"),
    ] {
        let (_folder, file) = config(text);
        let (outcome, out, err) = run(&["-", "--config", &file], MODEL);
        let line = err.strip_prefix(&format!("{file}:")).unwrap_or(&err);
        assert!(line.starts_with(expected), "{why}: {err}");
        assert_eq!((outcome, out.as_str(), err.lines().count()), (Found::BadInput, "", 1), "{why}");
    }
    let (_folder, two) = config("lint: {severity: {KvRol: off, PortAg: off}}\n");
    assert_eq!(run(&["-", "--config", &two], MODEL).2.lines().count(), 2, "all at once");
    let (_folder, two) = config("lint: {}\n---\nlint: {}\n");
    assert_eq!(run(&["-", "--config", &two], MODEL).2, format!("{two}: holds 2 documents; write one\n"));
    let (_, _, err) = run(&["-", "--config", "nothing-here.yaml"], MODEL);
    assert!(err.starts_with("nothing-here.yaml: cannot be read: "), "{err}");
}

fn in_folder(folder: &TempDir, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_function-modelplane")).args(words).current_dir(folder.path()).output().unwrap()
}

#[test]
fn the_file_in_the_current_folder_counts_and_is_no_manifest() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.yaml"), MODEL).unwrap();
    assert_eq!(in_folder(&folder, &["lint", "."]).status.code(), Some(1));
    fs::write(folder.path().join(".function-modelplane.yaml"), "lint: {severity: {PortArg: off, KvRole: warning}}\n").unwrap();
    let done = in_folder(&folder, &["lint", "."]);
    assert_eq!((done.status.code(), done.stderr), (Some(0), vec![]), "read as configuration, and not as a manifest");
}

#[test]
fn a_misspelt_rule_of_a_flag_is_answered_with_the_nearest() {
    let folder = TempDir::new().unwrap();
    for (flag, rule, tip) in
        [("--select", "KvRol", "'KvRole'"), ("--ignore", "PortAg", "'PortArg'"), ("--ignore", "SpecInvalid", "'--ignore <RULE>'")]
    {
        let done = in_folder(&folder, &["lint", ".", flag, rule]);
        let err = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(2) && err.contains(&format!("invalid value '{rule}'")) && err.contains(tip), "{err}");
    }
}
