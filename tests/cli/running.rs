//! Manifests that say that they run, given to commands that decide on manifests alone: these would show them elsewhere.

use clap::Parser as _;
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::lint::{Lint, lint};
use function_modelplane::cli::preview::{Preview, preview};
use serde_json::{Value, json};

use super::change::{example, export, folder, list};

#[derive(clap::Parser)]
enum Command {
    Preview(Preview),
    Explain(Explain),
    Lint(Lint),
}

/// The exit code, and what was printed.
pub(super) fn run(words: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let stdin = &mut std::io::empty();
    let code = match Command::parse_from(["modelplane"].iter().chain(words)) {
        Command::Preview(command) => preview(&command, stdin, &mut out, &mut err).unwrap().exit_code(),
        Command::Explain(command) => explain(&command, stdin, &mut out, &mut err).unwrap().exit_code(),
        Command::Lint(command) => lint(&command, stdin, &mut out, &mut err).unwrap().exit_code(),
    };
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Of twenty deployments three were shown on other environments than they are on.
#[test]
fn an_export_is_refused_with_one_line_that_names_live() {
    let live = example("live/modelplane.yaml");
    let page = tempfile::tempdir().unwrap();
    let page = page.path().join("fleet.html").display().to_string();
    let said = "runs already, and from manifests alone would be shown where it does not; give an export to preview --live, or take status and \
                spec.crossplane out\n";
    for words in [
        &["preview", &live][..],
        &["preview", &live, "-o", "yaml"],
        &["preview", &live, "--html", &page],
        &["explain", &live],
        &["explain", &live, "--html", &page],
        &["lint", &live],
        &["lint", &live, "-o", "github"],
    ] {
        let (code, out, err) = run(words);
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{words:?}: {err}");
        assert!(err.starts_with(&format!("{live}:")) && err.ends_with(said), "{words:?}: {err}");
    }
    let drawn = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(!drawn.contains("ml-team-a/chat") && drawn.contains("preview --live"), "a picture shows nothing else than the text");
}

/// What shows that something runs, each by itself.
#[test]
fn each_trace_of_what_runs_is_enough() {
    let (composites, composed) = export();
    let of = |objects: &[Value], kind: &str| objects.iter().find(|object| object["kind"] == json!(kind)).unwrap().clone();
    let deployment = |field: &str| {
        let mut object = of(&composites, "ModelDeployment");
        if field != "status" {
            object.as_object_mut().unwrap().remove("status");
        }
        if field != "crossplane" {
            object["spec"].as_object_mut().unwrap().remove("crossplane");
        }
        object
    };
    let mut environment = of(&composites, "InferenceEnvironment");
    environment["spec"].as_object_mut().unwrap().remove("crossplane");
    let serving = composed.iter().find(|object| object["metadata"]["annotations"]["modelplane.ai/placement"].is_string()).unwrap().clone();
    let mut without_uid = deployment("status");
    without_uid["metadata"].as_object_mut().unwrap().remove("uid");
    let mut fresh = environment.clone();
    fresh["status"].as_object_mut().unwrap().remove("ledger");
    for (object, path) in [
        (deployment("status"), Some("status.placements")),
        (without_uid, Some("status.placements")),
        (deployment("crossplane"), Some("spec.crossplane.resourceRefs")),
        (environment, Some("status.ledger")),
        (serving, Some("metadata.annotations[\"modelplane.ai/placement\"]")),
        (deployment("neither"), None),
        (fresh, None),
    ] {
        let (_folder, path_of_it) = folder(&[("a.json", &list(std::slice::from_ref(&object)))]);
        let (code, _, err) = run(&["preview", &path_of_it]);
        match path {
            Some(path) => assert!(code == 2 && err.contains(&format!(": {path}: {} ", object["kind"].as_str().unwrap())), "{path}: {err}"),
            None => assert!(!err.contains("runs already"), "{err}"),
        }
    }
}
