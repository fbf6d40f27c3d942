//! What `preview` says is what the real Crossplane makes of an example: tests/e2e/render has written that down.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::examples::{examples, read};
use super::preview::composed_of;

/// What Crossplane puts before a message of the function: the name of its step.
const STEP: &str = "Pipeline step \"modelplane\": ";
/// The conditions that Crossplane itself gives a composite resource.
const CROSSPLANES: [&str; 3] = ["Ready", "Responsive", "Synced"];

/// One deployment: itself with its status, what is composed for it, and what is said of it.
#[derive(Debug, Default, PartialEq)]
struct Reconciled {
    deployment: Value,
    composed: Vec<Value>,
    results: Vec<String>,
}

/// The deployments of a YAML stream, in which each is followed by what came of it. Environments and models are passed over.
fn deployments(text: &str) -> Vec<Reconciled> {
    let mut found: Vec<Reconciled> = Vec::new();
    let mut of_a_deployment = false;
    for document in text.split("---\n").filter(|document| document.lines().any(|line| !line.starts_with('#'))) {
        let object: Value = serde_saphyr::from_str(document).unwrap();
        match (object["apiVersion"].as_str().unwrap(), found.last_mut()) {
            ("modelplane.ai/v1alpha1", _) => {
                of_a_deployment = object["kind"] == json!("ModelDeployment");
                found.extend(of_a_deployment.then(|| Reconciled { deployment: object, ..Reconciled::default() }));
            }
            ("render.crossplane.io/v1beta1", Some(last)) if of_a_deployment => last.results.push(object.to_string()),
            (_, Some(last)) if of_a_deployment => last.composed.push(object),
            _ => {}
        }
    }
    found
}

/// Without what only Crossplane adds: its own conditions, times, results, owners, and names that it makes up.
fn without_crossplane(mut rendered: Reconciled) -> Reconciled {
    // It prints nothing of a spec but what it keeps there itself.
    rendered.deployment.as_object_mut().unwrap().remove("spec");
    let conditions = rendered.deployment["status"]["conditions"].as_array_mut().unwrap();
    conditions.retain(|condition| !CROSSPLANES.contains(&condition["type"].as_str().unwrap()));
    for condition in conditions {
        condition.as_object_mut().unwrap().remove("lastTransitionTime");
    }
    for object in &mut rendered.composed {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("ownerReferences").unwrap();
        if metadata.contains_key("generateName") {
            metadata.remove("name");
        }
    }
    let ours = rendered.results.iter().filter_map(|result| {
        let mut result: Value = serde_json::from_str(result).unwrap();
        result["message"] = json!(result["message"].as_str().unwrap().strip_prefix(STEP)?);
        Some(result.to_string())
    });
    sorted(Reconciled { results: ours.collect(), ..rendered })
}

/// Crossplane says what there is to say in any order.
fn sorted(mut rendered: Reconciled) -> Reconciled {
    rendered.results.sort();
    rendered
}

fn golden(example: &Path) -> PathBuf {
    let name = example.file_name().unwrap().display();
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/e2e/golden/{name}.yaml"))
}

/// The deployments of an example as they are written.
fn written(example: &Path) -> Vec<Value> {
    let manifests = read(example.to_owned()).into_iter().map(|manifest| manifest.object);
    manifests.filter(|object| object["kind"] == json!("ModelDeployment")).collect()
}

#[test]
fn preview_composes_what_the_real_crossplane_rendered_last() {
    for example in examples() {
        let file = golden(&example);
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let rendered: Vec<Reconciled> = deployments(&text).into_iter().map(without_crossplane).collect();
        let mut previewed: Vec<Reconciled> = deployments(&composed_of(&example)).into_iter().map(sorted).collect();
        let shown = previewed.iter_mut().map(|one| {
            let mut spec_only = one.deployment.clone();
            spec_only.as_object_mut().unwrap().remove("status");
            one.deployment.as_object_mut().unwrap().remove("spec");
            spec_only
        });
        assert_eq!(shown.collect::<Vec<_>>(), written(&example), "{}: a deployment is shown as it is written", example.display());
        assert!(!rendered.is_empty(), "{}", file.display());
        let expected = format!("{}: if this is meant, tests/e2e/render --update renders it with the real Crossplane", file.display());
        // One by one: what differs is found sooner.
        for (previewed, rendered) in previewed.iter().zip(&rendered) {
            assert_eq!(previewed.deployment, rendered.deployment, "{expected}");
            assert_eq!(previewed.results, rendered.results, "{expected}");
            for (previewed, rendered) in previewed.composed.iter().zip(&rendered.composed) {
                assert_eq!(previewed, rendered, "{expected}");
            }
        }
        assert_eq!(previewed, rendered, "{expected}");
    }
}
