//! Each example is a folder that a person can give to `preview`, to `crossplane composition render` and to `kubectl apply`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use function_modelplane::cli::manifests::{Manifest, load};
use serde_json::Value;

use super::preview::preview_of;
use crate::function::cluster::{Cluster, Reconciled};

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

pub(super) fn read(path: PathBuf) -> Vec<Manifest> {
    load(&[path], &mut std::io::empty(), &mut Vec::new()).unwrap()
}

/// What `crossplane composition render --required-resources=FOLDER` comes to: nothing but the object itself is reconciled.
fn render(composite: &Value, folder: &[Manifest]) -> Reconciled {
    Cluster::new(composite.clone(), folder.iter().map(|manifest| manifest.object.clone()).collect()).dry_run()
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
            let written = render(&environment.object, &[]).status();
            let reference = environment.object.pointer("/status/providerConfigRef");
            assert_eq!(reference, written.get("providerConfigRef"), "{}", environment.place("status"));
        }
    }
}

#[test]
fn without_reconciling_anything_else_a_deployment_is_placed_as_in_preview() {
    for example in examples().into_iter().filter(|example| deployment_file(example) != SEVERAL) {
        let deployment = read(example.join("modeldeployment.yaml")).remove(0);
        let response = render(&deployment.object, &read(example.clone())).response;
        let scheduled = response.conditions.iter().find(|condition| condition.r#type == "PlacementsScheduled").unwrap();
        let line = format!("{}/{}: {}\n", deployment.namespace.unwrap(), deployment.name, scheduled.message());
        let table = preview_of(&example);
        assert!(table.contains(&line), "{}: {line}{table}", example.display());
    }
}
