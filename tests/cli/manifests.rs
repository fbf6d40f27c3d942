//! Which files are read, and what a manifest must have.
#![allow(clippy::unwrap_used, reason = "a helper that cannot write its files fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use function_modelplane::cli::manifests::{Manifest, ManifestError, Position, Problem, load};
use serde_json::json;
use tempfile::TempDir;

use super::{error, read};

fn configmap(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn names(manifests: &[Manifest]) -> Vec<&str> {
    manifests.iter().map(|manifest| manifest.name.as_str()).collect()
}

fn load_from(paths: &[&Path]) -> Result<Vec<Manifest>, ManifestError> {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    load(&paths, &mut std::io::empty(), &mut Vec::new())
}

#[test]
fn a_manifest_carries_what_names_it_and_the_whole_object() {
    let text = "apiVersion: modelplane.ai/v1alpha1\nkind: Model\nmetadata: {name: m, namespace: team}\nspec: {a: [1]}\n";
    let manifest = read(text).unwrap().remove(0);
    let Manifest { file, api_version, kind, namespace, name, object, .. } = manifest;
    assert_eq!(
        (file, api_version, kind, namespace, name, object),
        (
            PathBuf::from("<stdin>"),
            "modelplane.ai/v1alpha1".to_owned(),
            "Model".to_owned(),
            Some("team".to_owned()),
            "m".to_owned(),
            json!({
                "apiVersion": "modelplane.ai/v1alpha1", "kind": "Model", "metadata": {"name": "m", "namespace": "team"},
                "spec": {"a": [1]},
            }),
        ),
    );
    let cluster_scoped = read("apiVersion: v1\nkind: K\nmetadata: {name: m, namespace: }\n").unwrap().remove(0);
    assert_eq!(cluster_scoped.namespace, None, "an empty namespace is none");
}

#[test]
fn a_folder_is_read_by_name_and_one_level_deep() {
    let folder = folder(&[
        ("b.yaml", &configmap("b")),
        ("a.yml", &format!("{}---\n{}", configmap("a1"), configmap("a2"))),
        ("c.json", r#"{"apiVersion": "v1", "kind": "K", "metadata": {"name": "c"}}"#),
        ("comments.yaml", "# nothing yet\n"),
        ("README.md", "not: [a manifest"),
        ("yaml", "not: [a manifest"),
        ("inner/d.yaml", &configmap("d")),
        ("folder.yaml/e.yaml", &configmap("e")),
    ]);
    let manifests = load_from(&[folder.path()]).unwrap();
    assert_eq!(names(&manifests), ["a1", "a2", "b", "c"], "sorted by file name; other files and inner folders stay out");
    let files: Vec<_> = manifests.iter().map(|manifest| manifest.file.strip_prefix(folder.path()).unwrap()).collect();
    assert_eq!(files, ["a.yml", "a.yml", "b.yaml", "c.json"].map(Path::new), "each manifest knows its file");
}

#[test]
fn paths_are_read_in_the_order_given_and_a_named_file_may_have_any_name() {
    let folder = folder(&[("z.txt", &configmap("z")), ("a.yaml", &configmap("a"))]);
    let paths = [folder.path().join("z.txt"), PathBuf::from("-"), folder.path().join("a.yaml")];
    let manifests = load(&paths, &mut configmap("stdin").as_bytes(), &mut Vec::new()).unwrap();
    assert_eq!(names(&manifests), ["z", "stdin", "a"]);
}

#[test]
fn lists_are_flattened_and_empty_documents_skipped() {
    let text = "\
---
# only a comment
---
null
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: K, metadata: {name: a}}
- apiVersion: modelplane.ai/v1alpha1
  kind: ModelList
  items: [{apiVersion: v1, kind: K, metadata: {name: b}}]
---
{apiVersion: v1, kind: AllowList, metadata: {name: c}}
---
{apiVersion: v1, kind: Queue, metadata: {name: d}, items: [1]}
...
---
";
    assert_eq!(names(&read(text).unwrap()), ["a", "b", "c", "d"], "a List has both: the name and the items");
    assert_eq!(read("apiVersion: v1\nkind: List\nitems: []\n"), Ok(Vec::new()), "an empty List is what a query found: nothing");
}

#[test]
fn a_path_without_manifests_is_an_error() {
    let folder = folder(&[("empty/README.md", ""), ("comments.yaml", "# a\n---\n"), ("comments/a.yaml", "")]);
    let at = |name: &str| folder.path().join(name);
    let cases = [
        (at("empty"), Problem::NoFiles, "a folder with nothing to read"),
        (at("comments.yaml"), Problem::Empty, "a file with only comments"),
        (at("comments"), Problem::Empty, "a folder whose files hold nothing"),
        (at("absent.yaml"), Problem::Unreadable("No such file or directory (os error 2)".into()), "a typing error"),
    ];
    for (file, problem, why) in cases {
        assert_eq!(load_from(&[&file]), Err(ManifestError { file, position: None, problem }), "{why}");
    }
    let stdin = ManifestError { file: "<stdin>".into(), position: None, problem: Problem::Empty };
    assert_eq!(read(""), Err(stdin.clone()), "nothing came in");
    assert_eq!(stdin.to_string(), "<stdin>: no manifest in here");
}

#[test]
#[cfg(unix)]
fn a_link_to_nowhere_is_not_skipped_in_silence() {
    let folder = folder(&[("a.yaml", &configmap("a"))]);
    let link = folder.path().join("b.yaml");
    std::os::unix::fs::symlink("absent", &link).unwrap();
    let problem = Problem::Unreadable("No such file or directory (os error 2)".into());
    assert_eq!(load_from(&[folder.path()]), Err(ManifestError { file: link, position: None, problem }));
}

#[test]
fn every_error_prints_file_line_and_column() {
    let folder = folder(&[("deploy.yaml", "kind: K\n\n\nspec: 1\nmetadata: {name: x}\napiVersion: v1\n  \nspec: 2\n")]);
    let file = folder.path().join("deploy.yaml");
    let error = load_from(&[&file]).unwrap_err();
    let problem = Problem::Yaml("duplicate key \"spec\"".into());
    assert_eq!(error, ManifestError { file: file.clone(), position: Some(Position { line: 8, column: 1 }), problem });
    assert_eq!(error.to_string(), format!("{}:8:1: cannot read YAML: duplicate key \"spec\"", file.display()));
}

#[test]
fn a_document_that_is_no_manifest_is_refused_at_its_place() {
    let every = "every manifest needs apiVersion, kind and metadata.name";
    let quotes = "put it in quotes if it looks like something else";
    let mapping = "a manifest must be a mapping with apiVersion, kind and metadata, not";
    let cases = [
        ("---\n\nspec: {}\n", format!("<stdin>:3:1: apiVersion is missing: {every}"), "the document's place"),
        ("apiVersion: v1\nspec: {}\n", format!("<stdin>:1:1: kind is missing: {every}"), "kind"),
        ("apiVersion: v1\nkind: ''\n", format!("<stdin>:2:1: kind is missing: {every}"), "empty is missing"),
        ("apiVersion: modelplane.ai/v1\nkind: K\n", format!("<stdin>:1:1: metadata.name is missing: {every}"), "no metadata"),
        (
            "kind: K\napiVersion: modelplane.ai/v1\nmetadata:\n  labels: {}\n",
            format!("<stdin>:3:1: metadata.name is missing: {every}"),
            "metadata is there",
        ),
        (
            "kind: K\napiVersion: modelplane.ai/v1\nmetadata: x\n",
            format!("<stdin>:3:1: metadata.name is missing: {every}"),
            "metadata is a string",
        ),
        (
            "kind: K\napiVersion: v1\nmetadata:\n  name: 12\n",
            format!("<stdin>:4:3: metadata.name must be a string, not a number: {quotes}"),
            "a number",
        ),
        (
            "kind: K\napiVersion: v1\nmetadata: {name: x, namespace: on}\n",
            format!("<stdin>:3:21: metadata.namespace must be a string, not a boolean: {quotes}"),
            "a boolean",
        ),
        ("kind: [K]\napiVersion: v1\n", format!("<stdin>:1:1: kind must be a string, not a list: {quotes}"), "a list"),
        ("- a\n", format!("<stdin>:1:1: {mapping} a list"), "a list is not kubectl's List"),
        ("just text\n", format!("<stdin>:1:1: {mapping} a string"), "prose"),
        ("kind: List\nitems: [3]\n", format!("<stdin>:2:9: {mapping} a number"), "an item that is no object"),
    ];
    for (text, expected, why) in cases {
        assert_eq!(error(text), expected, "{why}");
    }
}

#[test]
fn what_others_let_a_control_plane_name_is_left_out() {
    let text = "\
apiVersion: kubernetes.m.crossplane.io/v1alpha1
kind: Object
metadata: {generateName: chat-}
---
{apiVersion: render.crossplane.io/v1beta1, kind: Result, message: m}
---
{apiVersion: v1, kind: K, metadata: {name: a}}
";
    assert_eq!(names(&read(text).unwrap()), ["a"], "as in what crossplane render and preview print");
    let ours = "apiVersion: modelplane.ai/v1alpha1\nkind: Model\nmetadata: {generateName: a-}\n";
    assert_eq!(error(ours), "<stdin>:3:1: metadata.name is missing: every manifest needs apiVersion, kind and metadata.name");
}

/// A test that would hang where it fails, and so ends itself.
#[cfg(unix)]
fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result.recv_timeout(std::time::Duration::from_secs(60)).expect("it hangs")
}

#[cfg(unix)]
fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
#[cfg(unix)]
fn a_pipe_a_socket_and_a_device_in_a_folder_are_said_and_not_opened() {
    let folder = folder(&[("b.yaml", &configmap("b"))]);
    let at = |name: &str| folder.path().join(name);
    pipe(&at("a.yaml"));
    let _socket = std::os::unix::net::UnixListener::bind(at("c.yml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("d.json")).unwrap();
    pipe(&at("not-a-manifest"));
    let path = folder.path().to_path_buf();
    let (loaded, skipped) = within_a_minute(move || {
        let mut skipped = Vec::new();
        (load(&[path], &mut std::io::empty(), &mut skipped), skipped)
    });
    assert_eq!(names(&loaded.unwrap()), ["b"]);
    let said = |name: &str| format!("{}: is no file but a pipe, socket or device, and is skipped", at(name).display());
    assert_eq!(skipped, [said("a.yaml"), said("c.yml"), said("d.json")]);
}

#[test]
#[cfg(unix)]
fn a_folder_of_nothing_but_a_pipe_has_no_manifest() {
    let folder = folder(&[]);
    pipe(&folder.path().join("a.yaml"));
    let path = folder.path().to_path_buf();
    let loaded = within_a_minute(move || load(&[path], &mut std::io::empty(), &mut Vec::new()));
    assert_eq!(loaded, Err(ManifestError { file: folder.path().to_path_buf(), position: None, problem: Problem::NoFiles }));
}

/// `preview <(kubectl get …)`.
#[test]
#[cfg(unix)]
fn a_pipe_that_is_named_itself_is_read() {
    let folder = folder(&[]);
    let path = folder.path().join("pipe");
    pipe(&path);
    let reader = path.clone();
    let writer = std::thread::spawn(move || fs::write(path, configmap("piped")));
    let loaded = within_a_minute(move || load(&[reader], &mut std::io::empty(), &mut Vec::new()));
    assert_eq!(names(&loaded.unwrap()), ["piped"]);
    writer.join().unwrap().unwrap();
}

/// As it is seen from a shell.
#[test]
#[cfg(unix)]
fn what_is_skipped_is_said_on_stderr_and_a_shells_pipe_is_read() {
    let folder = folder(&[]);
    pipe(&folder.path().join("a.yaml"));
    let script = format!(
        "{0} lint '{1}'; {0} lint <(printf 'apiVersion: modelplane.ai/v1alpha1\\nkind: ClusterModle\\nmetadata: {{name: a}}')",
        env!("CARGO_BIN_EXE_function-modelplane"),
        folder.path().display()
    );
    let done = within_a_minute(move || std::process::Command::new("bash").args(["-c", &script]).output().unwrap());
    let err = String::from_utf8(done.stderr).unwrap();
    let path = folder.path().display();
    let expected = format!(
        "{path}/a.yaml: is no file but a pipe, socket or device, and is skipped\n{path}: no *.yaml, *.yml or *.json file in this folder (folders inside it are not read)\n"
    );
    assert_eq!(err, expected);
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(out.contains("error SpecInvalid: kind: is \"ClusterModle\"; did you mean ClusterModel?"), "{out}");
}
