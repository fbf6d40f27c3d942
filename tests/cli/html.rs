//! The page that `--html` writes, read with a parser so strict that a browser would have to guess less.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Parser as _;
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::preview::{Preview, preview};
use function_modelplane::cli::verdict::Verdict;
use regex::Regex;
use serde_json::{Value, json};

use super::examples::examples;

#[derive(clap::Parser)]
enum Command {
    Preview(Preview),
    Explain(Explain),
}

/// Runs a command with its words and standard input.
fn run(words: &[&str], stdin: &str) -> (Verdict, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let verdict = match Command::parse_from(std::iter::once("modelplane").chain(words.iter().copied())) {
        Command::Preview(command) => preview(&command, &mut stdin.as_bytes(), &mut out, &mut err),
        Command::Explain(command) => explain(&command, &mut stdin.as_bytes(), &mut out, &mut err),
    };
    (verdict.unwrap(), String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// The page of a command about objects.
fn page(words: &[&str], objects: &[Value]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.html");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    run(&[words, &["-", "--html", file.to_str().unwrap()]].concat(), &list);
    std::fs::read_to_string(file).unwrap()
}

/// Element names with how often each is opened; every one that needs an end must have it, in order.
fn elements(page: &str) -> BTreeMap<String, usize> {
    let tag = Regex::new(r#"<(/?)([a-z0-9]+)((?: [a-z-]+(?:="[^"<>]*")?)*)>"#).unwrap();
    let body = Regex::new(r"(?s)<style>.*?</style>").unwrap().replace(page, "<style></style>").replacen("<!doctype html>", "", 1);
    assert_eq!(body.matches('<').count(), tag.find_iter(&body).count(), "a < that is no tag");
    let (mut open, mut found) = (Vec::new(), BTreeMap::new());
    for captures in tag.captures_iter(&body) {
        let name = captures[2].to_owned();
        if &captures[1] == "/" {
            assert_eq!(open.pop(), Some(name), "ends in another order than it began");
            continue;
        }
        *found.entry(name.clone()).or_insert(0) += 1;
        if !["meta", "link"].contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new());
    found
}

fn environment(name: &str, nodes: u32) -> Value {
    let pool = json!({"name": "h200", "nodeCount": nodes, "gpu": {"acceleratorType": "h200", "acceleratorCount": 8, "memory": "141Gi"}});
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "InferenceEnvironment",
        "metadata": {"name": name, "labels": {"modelplane.ai/rdma": "true"}},
        "spec": {"cluster": {"source": "Existing", "existing": {"secretRef": {"name": format!("{name}-kubeconfig")}, "nodePools": [pool]}}},
    })
}

fn model() -> Value {
    let engine = json!({"name": "vLLM", "image": "vllm/vllm-openai:v0.32.0"});
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "ClusterModel", "metadata": {"name": "m"},
        "spec": {
            "model": {"name": "m"}, "source": "HuggingFace", "huggingFace": {"repo": "org/m"}, "resources": {"vram": "1Gi"},
            "serving": [{"name": "both", "topology": "PrefillDecode", "engine": engine, "resources": {"gpu": 4},
                         "prefill": {"engine": engine, "resources": {"gpu": 1}}}],
        },
    })
}

fn deployment(name: &str, environments: usize, model: &str) -> Value {
    let scaling = json!({"signal": "Fixed", "fixed": {"replicas": 2}});
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "ModelDeployment", "metadata": {"namespace": "team", "name": name},
        "spec": {"modelRef": {"name": model}, "environments": environments, "topology": "PrefillDecode", "scaling": scaling,
                 "prefill": {"scaling": scaling}},
    })
}

#[test]
fn every_example_is_a_page_that_needs_nothing_else_and_is_the_same_twice() {
    for example in examples() {
        for command in ["preview", "explain"] {
            let folder = tempfile::tempdir().unwrap();
            let write = |name: &str| {
                let file = folder.path().join(name);
                let said = run(&[command, example.to_str().unwrap(), "--html", file.to_str().unwrap()], "");
                assert_eq!(said, run(&[command, example.to_str().unwrap()], ""), "the text is as without a page");
                std::fs::read_to_string(file).unwrap()
            };
            let page = write("a.html");
            assert_eq!(page, write("b.html"));
            let found = elements(&page);
            assert_eq!(found.get("script"), None);
            assert!(!page.contains("://"), "nothing of another place");
            let widths = |pattern: &str| -> BTreeSet<String> {
                Regex::new(pattern).unwrap().captures_iter(&page).map(|captures| captures[1].to_owned()).collect()
            };
            let ruled = widths(r"\.w([0-9]+)\{");
            assert!(widths(r#" w([0-9]+)""#).is_subset(&ruled), "every width has its rule");
        }
    }
}

#[test]
fn the_page_of_contention_is_as_it_was_last_read() {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/contention");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.html");
    run(&["preview", manifests.to_str().unwrap(), "--html", file.to_str().unwrap()], "");
    let page = std::fs::read_to_string(file).unwrap();
    insta::assert_snapshot!("page-contention", page.split_once("</style>").unwrap().1);
}

#[test]
fn what_people_write_is_text_and_never_an_element() {
    let script = r#"<script>alert(1)</script>"'&"#;
    let mut labelled = environment("here", 1);
    labelled["metadata"]["labels"] = json!({"note": "fine"});
    labelled["spec"]["cluster"]["existing"]["nodePools"][0]["gpu"]["acceleratorType"] = json!(script);
    let mut broken = environment("broken", 1);
    broken["metadata"]["labels"] = json!({script: script});
    broken["spec"]["rdma"] = json!({"type": "InfiniBand", "resources": {script: 1}});
    let mut wrong = deployment("wrong", 1, "m");
    wrong["spec"][script] = json!(1);
    let mut status = deployment("old", 1, script);
    status["status"] = json!({"placements": {"items": [{"environment": script, "profile": script, "reason": script, "endpoint": script,
        "decode": {"pool": script, "gpusPerReplica": 1, "replicas": 1}}]}});
    let objects = [model(), labelled, broken, wrong, status, deployment("nobody", 1, script), deployment("placed", 1, "m")];
    for command in ["preview", "explain"] {
        let page = page(&[command], &objects);
        assert_eq!(elements(&page).get("script"), None);
        let spelled = "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;";
        assert!(page.matches(spelled).count() >= 4, "model, accelerator, environment and problem are shown as they are written");
    }
}

#[test]
fn every_environment_deployment_and_rejection_is_there() {
    let mut objects = vec![model(), environment("a-big", 4), environment("b-small", 1), environment("c-cordoned", 4)];
    objects[3]["spec"]["availability"] = json!("Cordoned");
    objects.extend([deployment("first", 1, "m"), deployment("second", 3, "m")]);
    let page = page(&["preview"], &objects);
    for text in [
        "id=\"e1\"",
        "id=\"e2\"",
        "id=\"e3\"",
        "id=\"d1\"",
        "id=\"d2\"",
        ">a-big<",
        ">b-small<",
        ">c-cordoned<",
        "team/first",
        "team/second",
    ] {
        assert!(page.contains(text), "{text}");
    }
    for text in [
        "<b>Cordoned</b>: spec.availability is Cordoned: it takes nothing new",
        "<b>InsufficientGpus</b>: needs decode 2 x 4 GPUs and prefill 2 x 1 GPUs packed onto nodes; pool h200 has 8 of 8 free (profile both)",
        "16 decode, 4 prefill, 52 free of 72 GPUs",
        "8 decode, 2 prefill, 10 other, 12 free of 32 GPUs",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn explaining_one_deployment_names_no_other() {
    let objects = [model(), environment("here", 4), deployment("mine", 1, "m"), deployment("others", 1, "m")];
    let page = page(&["explain", "--deployment", "team/mine"], &objects);
    assert!(!page.contains("team/others"));
    assert!(page.contains("O: 2 x 4 GPUs, decode of another deployment"), "what they hold is shown all the same");
    assert!(page.contains("<caption>here: placed with profile both</caption>"), "every check is there");
}

#[test]
fn a_thousand_environments_are_one_page_of_a_few_megabytes_and_none_are_a_page_too() {
    let mut objects: Vec<Value> = (0..1000).map(|index| environment(&format!("environment-{index:04}"), 4)).collect();
    objects.push(model());
    objects.extend((0..5).map(|index| deployment(&format!("deployment-{index:03}"), 100, "m")));
    for command in ["preview", "explain"] {
        let page = page(&[command], &objects);
        assert!(page.len() < 4_000_000, "{command}: {} bytes", page.len());
        assert!((1..=1000).all(|id| page.contains(&format!("id=\"e{id}\""))));
        elements(&page);
    }
    let empty = page(&["preview"], &[]);
    elements(&empty);
    assert!(empty.contains("There is no environment.") && empty.contains("There is no deployment that can be shown."));
}

#[test]
fn only_a_pages_name_is_written_to_and_what_cannot_be_written_is_said() {
    let refused = |file: &str| Command::try_parse_from(["modelplane", "preview", "-", "--html", file]).err().unwrap().to_string();
    for file in ["-", "environments.yaml", "folder"] {
        assert!(refused(file).contains("a page's name must end with .html, so that no manifest is overwritten"), "{file}");
    }
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [model(), environment("here", 4), deployment("mine", 1, "m")]}).to_string();
    let (verdict, out, err) = run(&["preview", "-", "--html", "/nowhere/fleet.html"], &list);
    assert_eq!(
        (verdict, err.as_str()),
        (Verdict::BadInput, "/nowhere/fleet.html: cannot be written: No such file or directory (os error 2)\n")
    );
    assert!(out.contains("team/mine: 1/1 placed"), "the text is printed all the same");
}
