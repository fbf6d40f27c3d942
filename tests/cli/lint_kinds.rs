//! Lists of files as pipelines and hooks hand them over: not all that is in them is ours, and what was meant to be is not skipped.

use std::fs;

use function_modelplane::cli::lint::Found;
use tempfile::TempDir;

use super::lint::run;

const OURS: &str = "apiVersion: modelplane.ai/v1alpha1\nkind: ModelDeployment\nmetadata: {name: chat, namespace: team}\nspec:\n  modelRef: {name: \
                    llama}\n  environments: 1\n";

/// Files as any repository has them.
const OTHERS: [(&str, &str); 6] = [
    ("app.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n"),
    ("values.yaml", "replicas: 1\nimage: {tag: v1}\n"),
    ("kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [app.yaml]\n"),
    ("playbook.yml", "- hosts: all\n"),
    ("template.yaml", "{{- if .Values.on }}\na: {{ .Values.a }}\n{{- end }}\n"),
    ("comments.yaml", "# nothing yet\n"),
];

struct Files(TempDir);

impl Files {
    fn with(others: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in others {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    /// What comes of naming every file, in order.
    fn lint(&self, words: &[&str]) -> (Found, String, String) {
        let mut files: Vec<String> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
        files.sort();
        let (found, out, err) = run(&files.iter().map(String::as_str).chain(words.iter().copied()).collect::<Vec<_>>(), "");
        let folder = format!("{}/", self.0.path().display());
        (found, out.replace(&folder, ""), err.replace(&folder, ""))
    }
}

#[test]
fn what_is_of_others_is_skipped_and_counted() {
    let files = Files::with(&[&OTHERS[..], &[("chat.yaml", OURS)]].concat());
    let (found, out, err) = files.lint(&["--strict"]);
    assert_eq!((found, out.as_str()), (Found::Clean, "0 errors, 0 warnings in 1 object; 5 of other kinds are skipped\n"));
    assert!(err.starts_with("template.yaml:1:") && err.ends_with("; it is skipped, because it does not mention modelplane.ai\n"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    let alone = Files::with(&[OTHERS[0], ("chat.yaml", OURS)]);
    assert_eq!(alone.lint(&[]).1, "0 errors, 0 warnings in 1 object; 1 of another kind is skipped\n");
}

#[test]
fn strictly_each_is_an_error_at_its_place() {
    let files = Files::with(&[&OTHERS[..], &[("chat.yaml", OURS)]].concat());
    let (found, out, _) = files.lint(&["--strict-kinds"]);
    let remedy = "take it out of these files, or leave --strict-kinds out";
    let expected = format!(
        "app.yaml:2:1: error SpecInvalid: kind: is Deployment of apps/v1, which is none of ours; {remedy}\n\
         kustomization.yaml:2:1: error SpecInvalid: kind: is Kustomization of kustomize.config.k8s.io/v1beta1, which is none of ours; {remedy}\n\
         playbook.yml:1:1: error SpecInvalid: this is no Kubernetes object; {remedy}\n\
         template.yaml:1:1: error SpecInvalid: this is no Kubernetes object; {remedy}\n\
         values.yaml:1:1: error SpecInvalid: this is no Kubernetes object; {remedy}\n\
         5 errors, 0 warnings in 6 objects\n"
    );
    assert_eq!((found, out), (Found::Errors, expected));
}

/// A pipeline that globs wrongly would pass for ever; a hook gets the files of one commit, whichever they are.
#[test]
fn nothing_of_ours_is_bad_input_unless_the_files_are_a_part() {
    let files = Files::with(&OTHERS);
    let (found, out, err) = files.lint(&[]);
    assert_eq!((found, out.as_str()), (Found::BadInput, ""));
    assert!(err.ends_with("\nno object of modelplane.ai/v1alpha1 in these manifests\n"), "{err}");
    let (found, out, _) = files.lint(&["--partial"]);
    assert_eq!((found, out.as_str()), (Found::Clean, "0 errors, 0 warnings in 0 objects; 5 of other kinds are skipped\n"));
    let (found, _, err) = run(&["nothing-here.yaml", "--partial"], "");
    assert!(found == Found::BadInput && err.starts_with("nothing-here.yaml: cannot be read"), "a file that is not there is no part: {err}");
}

#[test]
fn what_is_broken_and_mentions_us_is_never_skipped() {
    for (text, expected) in [
        ("{{ if on }}\napiVersion: modelplane.ai/v1alpha1\n{{ end }}\n", "<stdin>:1:"),
        ("kind: InferenceEnvironment\nmetadata: {name: a}\n", "<stdin>:1:1: apiVersion is missing"),
        ("apiVersion: modelplane.io/v1alpha1\nkind: Models\n", "<stdin>:1:1: metadata.name is missing"),
    ] {
        let (found, out, err) = run(&["-", "--partial"], text);
        assert!((found, out.as_str()) == (Found::BadInput, "") && err.starts_with(expected), "{text}: {out}{err}");
    }
}

#[test]
fn what_is_nearly_ours_is_told_and_what_was_meant() {
    let version = |written: &str| format!("1:1: error SpecInvalid: apiVersion: is \"{written}\"; write modelplane.ai/v1alpha1");
    let kind = |written: &str, meant: &str| format!("2:1: error SpecInvalid: kind: is \"{written}\"; did you mean {meant}?");
    for (api_version, written, expected, why) in [
        ("modelplane.io/v1alpha1", "ClusterModel", vec![version("modelplane.io/v1alpha1")], "another domain"),
        ("modelplan.ai/v1alpha1", "Model", vec![version("modelplan.ai/v1alpha1")], "a letter"),
        ("modelplane/v1alpha1", "ModelDeployment", vec![version("modelplane/v1alpha1")], "no domain"),
        ("api.modelplane.ai/v1", "InferenceEnvironment", vec![version("api.modelplane.ai/v1")], "a domain below it"),
        ("v1alpha1", "ClusterModel", vec![version("v1alpha1")], "no group"),
        ("modelplane.ai/v1alpha1", "ClusterModels", vec![kind("ClusterModels", "ClusterModel")], "the plural"),
        ("modelplane.ai/v1alpha1", "modeldeployment", vec![kind("modeldeployment", "ModelDeployment")], "in lower case"),
        (
            "modelplane.io/v1beta1",
            "ClusterModels",
            vec![version("modelplane.io/v1beta1"), kind("ClusterModels", "ClusterModel")],
            "both at once",
        ),
    ] {
        let (found, out, _) = run(&["-"], &format!("apiVersion: {api_version}\nkind: {written}\nmetadata: {{name: a}}\n"));
        let lines: Vec<&str> = out.lines().map(|line| line.trim_start_matches("<stdin>:")).collect();
        let (total, lines) = lines.split_last().unwrap();
        assert_eq!((found, lines), (Found::Errors, expected.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), "{why}");
        assert!(total.ends_with(" in 1 object"), "{total}");
    }
}

#[test]
fn what_others_call_alike_is_theirs() {
    for (api_version, kind, why) in [
        ("kubeai.org/v1", "Model", "an operator's own model"),
        ("v1", "Model", "in the core group, which would be a mistake, but whose?"),
        ("modelplane.fn.crossplane.io/v1beta1", "Input", "our own input, beside its Composition"),
        ("modelplane.example.org/v1", "Invoice", "another product of that name"),
    ] {
        let (found, out, _) = run(&["-", "--partial"], &format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n"));
        assert_eq!((found, out.as_str()), (Found::Clean, "0 errors, 0 warnings in 0 objects; 1 of another kind is skipped\n"), "{why}");
    }
}
