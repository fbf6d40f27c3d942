//! Each example is a folder that a person can give to `preview`, to `crossplane composition render` and to `kubectl apply`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use function_modelplane::cli::manifests::{Manifest, load};
use function_modelplane::function::proto::resource_selector::Match;
use function_modelplane::function::proto::{Resource, ResourceSelector, Resources, RunFunctionRequest, RunFunctionResponse, State};
use function_modelplane::function::run;
use function_modelplane::function::structs::{from_struct, to_struct};
use serde_json::Value;

use super::preview::preview_of;

/// The examples that render with `crossplane`: all but the fleet, of which `fleet.rs` is.
pub(super) fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|example| !example.ends_with("fleet"));
    found.sort();
    found
}

/// Where an example is about several deployments, which is nothing to render: each depends on the status of those before it.
const SEVERAL: &str = "modeldeployments.yaml";

fn deployment_file(example: &Path) -> &'static str {
    if example.join(SEVERAL).exists() { SEVERAL } else { "modeldeployment.yaml" }
}

fn read(path: PathBuf) -> Vec<Manifest> {
    load(&[path], &mut std::io::empty()).unwrap()
}

fn resource(object: &Value) -> Resource {
    Resource { resource: Some(to_struct(object).unwrap()), ..Resource::default() }
}

/// What `crossplane composition render --required-resources=FOLDER` comes to: nothing but the object itself is reconciled.
fn render(composite: &Value, folder: &[Manifest]) -> RunFunctionResponse {
    let select = |selector: &ResourceSelector| {
        let found = folder.iter().filter(|manifest| {
            let named = match &selector.r#match {
                Some(Match::MatchName(name)) => manifest.name == *name && manifest.namespace == selector.namespace,
                Some(Match::MatchLabels(_)) | None => true,
            };
            named && manifest.api_version == selector.api_version && manifest.kind == selector.kind
        });
        Resources { items: found.map(|manifest| resource(&manifest.object)).collect() }
    };
    let observed = State { composite: Some(resource(composite)), ..State::default() };
    let mut request = RunFunctionRequest { observed: Some(observed), ..RunFunctionRequest::default() };
    for _ in 0..4 {
        let required = run(&request).0.requirements.unwrap_or_default().resources;
        request.required_resources = required.iter().map(|(key, selector)| (key.clone(), select(selector))).collect();
    }
    run(&request).0
}

#[test]
fn every_example_has_the_files_that_the_readme_names() {
    for example in examples() {
        let names: BTreeSet<String> =
            std::fs::read_dir(&example).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let model = if names.contains("model.yaml") { "model.yaml" } else { "clustermodel.yaml" };
        let deployment = deployment_file(&example);
        let wanted = ["README.md", model, "environments.yaml", "functions.yaml", deployment];
        assert_eq!(names, wanted.map(str::to_owned).into(), "{}", example.display());
        for (file, kinds) in [(deployment, &["ModelDeployment"][..]), (model, &["Model", "ClusterModel"])] {
            let manifests = read(example.join(file));
            let one = manifests.len() == 1 || file == SEVERAL;
            assert!(one && kinds.contains(&manifests[0].kind.as_str()), "{}: one {kinds:?}", example.join(file).display());
        }
    }
}

#[test]
fn the_environments_say_what_their_own_reconcile_writes() {
    for example in examples() {
        for environment in read(example.join("environments.yaml")) {
            let desired = render(&environment.object, &[]).desired.unwrap().composite.unwrap();
            let written: Value = from_struct(&desired.resource.unwrap()).unwrap();
            let reference = "/status/providerConfigRef";
            assert_eq!(environment.object.pointer(reference), written.pointer(reference), "{}", environment.place("status"));
        }
    }
}

#[test]
fn without_reconciling_anything_else_a_deployment_is_placed_as_in_preview() {
    for example in examples().into_iter().filter(|example| deployment_file(example) != SEVERAL) {
        let deployment = read(example.join("modeldeployment.yaml")).remove(0);
        let response = render(&deployment.object, &read(example.clone()));
        let scheduled = response.conditions.iter().find(|condition| condition.r#type == "PlacementsScheduled").unwrap();
        let line = format!("{}/{}: {}\n", deployment.namespace.unwrap(), deployment.name, scheduled.message());
        let table = preview_of(&example);
        assert!(table.contains(&line), "{}: {line}{table}", example.display());
    }
}
