//! What other repositories lint with: the GitHub Action, run as a runner would, and the hooks of pre-commit.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_function-modelplane");

fn read(file: &str) -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// A folder with a model that is clean, and one that is not, each in a folder of its own.
fn repository() -> TempDir {
    let folder = TempDir::new().unwrap();
    let clean = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/llama-70b/clustermodel.yaml")).unwrap();
    for (name, text) in [
        ("clean/a/model.yaml", clean.clone()),
        ("broken/b/model.yaml", clean.replace("image: vllm/vllm-openai:v", "image: vllm/vllm-openai:v0.9.1-")),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(folder.path().join("values.yaml"), "replicas: 1\n").unwrap();
    folder
}

/// Runs a step's script as a runner does.
fn step(action: &Value, index: usize, folder: &Path, env: &[(&str, &str)]) -> Output {
    let script = action["runs"]["steps"][index]["run"].as_str().unwrap();
    let shell = ["--noprofile", "--norc", "-eo", "pipefail", "-c", script];
    Command::new("bash").args(shell).current_dir(folder).envs(env.iter().copied()).output().unwrap()
}

#[test]
fn the_action_uses_each_of_its_inputs_and_no_other() {
    let action = read("action.yml");
    let text = action["runs"].to_string();
    let words = text.split("inputs.").skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap());
    let used: std::collections::BTreeSet<&str> = words.collect();
    let inputs: Vec<&str> = action["inputs"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), inputs);
}

/// What others write must not become a part of the script.
#[test]
fn no_script_of_the_action_has_expressions_in_it() {
    for step in read("action.yml")["runs"]["steps"].as_array().unwrap() {
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
    }
}

#[test]
fn the_action_shows_findings_beside_their_lines_and_writes_sarif() {
    let (action, folder) = (read("action.yml"), repository());
    let last = action["runs"]["steps"].as_array().unwrap().len() - 1;
    let run = |paths: &str, arguments: &str, sarif: &str| {
        let env = [("BINARY", BINARY), ("PATHS", paths), ("ARGUMENTS", arguments), ("SARIF", sarif)];
        let done = step(&action, last, folder.path(), &env);
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    assert_eq!(run("clean/**/*.yaml\nvalues.yaml", "--strict", ""), (Some(0), String::new(), String::new()));
    let (code, out, err) = run("**/*.yaml", "", "lint.sarif");
    assert_eq!((code, err.as_str()), (Some(1), ""));
    assert!(out.starts_with("::error file=broken/b/model.yaml,line="), "{out}");
    let sarif: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("lint.sarif")).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), out.lines().count());
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "broken/b/model.yaml");
    let (code, out, _) = run("broken/b", "--select\nNoRdmaSelector", "");
    assert_eq!((code, out.as_str()), (Some(0), ""), "arguments, one a line");
    for (paths, why) in
        [("models/**/*.yaml", "a glob that finds nothing"), ("values.yaml", "nothing of ours"), ("gone.yaml", "no such file")]
    {
        let (code, out, err) = run(paths, "", "lint.sarif");
        assert!((code, out.is_empty(), err.is_empty()) == (Some(2), true, false), "{why}: {code:?} {out}{err}");
    }
}

#[test]
fn the_action_builds_once_for_each_version() {
    let (action, folder) = (read("action.yml"), TempDir::new().unwrap());
    let key = |source: &Path| {
        let output = folder.path().join("output");
        fs::write(&output, "").unwrap();
        let (source, output_path) = (source.to_str().unwrap(), output.to_str().unwrap());
        let env = [("SOURCE", source), ("TOOLS", "/tools"), ("GITHUB_OUTPUT", output_path), ("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")];
        let done = step(&action, 0, folder.path(), &env);
        assert!(done.status.success(), "{done:?}");
        fs::read_to_string(&output).unwrap()
    };
    let first = key(Path::new(env!("CARGO_MANIFEST_DIR")));
    let version = first.lines().next().unwrap().strip_prefix("key=function-modelplane-Linux-X64-").unwrap().to_owned();
    assert_eq!(first, format!("key=function-modelplane-Linux-X64-{version}\nroot=/tools/function-modelplane/{version}\n"));
    assert_eq!(key(Path::new(env!("CARGO_MANIFEST_DIR"))), first);
    let other = folder.path().join("source");
    for (name, text) in [("Cargo.toml", ""), ("Cargo.lock", ""), ("build.rs", ""), ("src/main.rs", ""), ("proto/a.proto", "")] {
        fs::create_dir_all(other.join(name).parent().unwrap()).unwrap();
        fs::write(other.join(name), text).unwrap();
    }
    let before = key(&other);
    fs::write(other.join("src/main.rs"), "fn main() {}").unwrap();
    assert_ne!(key(&other), before, "another source is another program");
}

#[test]
fn hooks_take_what_a_commit_changed() {
    let folder = repository();
    let hooks = read(".pre-commit-hooks.yaml");
    for hook in hooks.as_array().unwrap() {
        let mut words = hook["entry"].as_str().unwrap().split(' ');
        assert_eq!(words.next(), Some(env!("CARGO_PKG_NAME")), "the program that is built has this name");
        let words: Vec<&str> = words.collect();
        for (file, code) in [("values.yaml", 0), ("clean/a/model.yaml", 0), ("broken/b/model.yaml", 1)] {
            let done = Command::new(BINARY).args(&words).args(["values.yaml", file]).current_dir(folder.path()).output().unwrap();
            assert_eq!(done.status.code(), Some(code), "{file}: {done:?}");
        }
    }
}
