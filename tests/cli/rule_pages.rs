//! The page of each rule: its bad example is one that the rule finds, its good one is not, and both are read as the command reads them.

use function_modelplane::cli::lint::Found;
use function_modelplane::domain::lint::Code;
use serde_json::{Value, json};

use super::lint::run;

/// What a release that a page needs brings along: `(page, other rule)`.
const BESIDE: [(Code, Code); 1] = [(Code::SilentRecompute, Code::HandshakeKillsDecode)];

/// The sections of a page behind what happens.
const SECTIONS: [&str; 4] = ["Bad", "Good", "Since", "Source"];

/// The text of a page by its headings; the first has none.
fn sections(page: &str) -> Vec<(&str, &str)> {
    let (first, rest) = page.split_once("\n## ").unwrap();
    let rest = rest.split("\n## ").map(|section| section.split_once('\n').unwrap());
    std::iter::once(("", first)).chain(rest).map(|(heading, text)| (heading, text.trim())).collect()
}

fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    sections(page).into_iter().find(|(found, _)| *found == heading).unwrap().1
}

/// The example of a section: one block, which the docs' own suite parses as a part of a manifest.
fn example(rule: Code, heading: &str) -> String {
    let text = section(rule.page(), heading);
    let block = text.strip_prefix("```yaml fragment\n").and_then(|text| text.strip_suffix("\n```"));
    let block = block.unwrap_or_else(|| panic!("{}: {heading} is one block ```yaml fragment", rule.as_str()));
    assert!(!block.contains("```"), "{}: {heading} is one block", rule.as_str());
    block.to_owned()
}

/// A model whose one profile has nothing wrong with it.
fn sound(phases: bool) -> Value {
    let engine = |args: Value| json!({"name": "vLLM", "image": "vllm/vllm-openai:v0.32.0", "args": args});
    let transfer = |role: &str| json!([format!(r#"--kv-transfer-config={{"kv_connector":"NixlConnector","kv_role":"{role}"}}"#)]);
    let profile = if phases {
        json!({
            "name": "one", "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
            "engine": engine(transfer("kv_consumer")), "resources": {"gpu": 1},
            "prefill": {"engine": engine(transfer("kv_producer")), "resources": {"gpu": 1}},
        })
    } else {
        json!({"name": "one", "engine": engine(json!([])), "resources": {"gpu": 1}})
    };
    json!({
        "apiVersion": "modelplane.ai/v1alpha1", "kind": "ClusterModel", "metadata": {"name": "llama"},
        "spec": {
            "model": {"name": "meta-llama/Llama"}, "source": "HuggingFace", "huggingFace": {"repo": "meta-llama/Llama"},
            "resources": {"vram": "140Gi"}, "serving": [profile],
        },
    })
}

/// Puts a part of a profile into a sound one: an engine keeps what the part leaves out, everything else is replaced.
fn put(base: &mut Value, part: &Value) {
    for (key, value) in part.as_object().unwrap() {
        if ["engine", "prefill"].contains(&key.as_str()) {
            put(&mut base[key], value);
        } else {
            base[key] = value.clone();
        }
    }
}

/// What an example is a part of, as files hold it.
fn whole(example: &str) -> String {
    let documents: Vec<Value> = serde_saphyr::from_multiple(example).unwrap();
    let (whole, parts): (Vec<Value>, Vec<Value>) = documents.into_iter().partition(|document| document.get("apiVersion").is_some());
    let mut objects = whole;
    let mut model = sound(parts.iter().any(|part| part.get("prefill").is_some()));
    for part in &parts {
        let of_model = ["metadata", "spec"].iter().any(|field| part.get(field).is_some());
        if of_model {
            for (key, value) in part.as_object().unwrap() {
                if let Some(fields) = value.as_object().filter(|_| key == "spec") {
                    if fields.contains_key("uri") {
                        // Weights come from one place.
                        model["spec"].as_object_mut().unwrap().remove("huggingFace");
                    }
                    fields.iter().for_each(|(field, value)| model["spec"][field] = value.clone());
                } else {
                    model[key] = value.clone();
                }
            }
        } else {
            put(&mut model["spec"]["serving"][0], part);
        }
    }
    if !parts.is_empty() {
        objects.push(model);
    }
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// The rules of the findings that nobody accepts, each once.
fn found(example: &str) -> Vec<String> {
    let (found, out, err) = run(&["-", "-o", "json"], &whole(example));
    assert!(found != Found::BadInput, "{err}");
    let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
    let mut rules: Vec<String> =
        listed.iter().filter(|finding| finding["ignored"].is_null()).map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect();
    rules.sort();
    rules.dedup();
    rules
}

#[test]
fn what_the_examples_are_put_into_is_sound() {
    for phases in [false, true] {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [sound(phases)]}).to_string();
        assert_eq!(run(&["-", "--strict"], &list).1, "0 errors, 0 warnings in 1 object\n");
    }
}

#[test]
fn every_page_says_what_happens_and_has_an_example_of_each() {
    for rule in Code::ALL {
        let headings: Vec<&str> = sections(rule.page()).into_iter().map(|(heading, _)| heading).skip(1).collect();
        assert_eq!(headings, SECTIONS, "{}", rule.as_str());
        for (heading, text) in sections(rule.page()) {
            assert!(!text.is_empty(), "{}: {heading:?} is empty", rule.as_str());
        }
    }
}

#[test]
fn every_bad_example_is_found_by_its_rule_and_by_no_other() {
    let mut wrong = Vec::new();
    for rule in Code::ALL {
        let beside = BESIDE.iter().filter(|(page, _)| page == rule).map(|(_, other)| *other);
        let mut expected: Vec<&str> = std::iter::once(*rule).chain(beside).map(Code::as_str).collect();
        expected.sort_unstable();
        let found = found(&example(*rule, "Bad"));
        if found != expected {
            wrong.push(format!("{}: {found:?}", rule.as_str()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn nothing_is_found_in_any_good_example() {
    let found = |rule: &Code| (rule.as_str(), found(&example(*rule, "Good")));
    let wrong: Vec<(&str, Vec<String>)> = Code::ALL.iter().map(found).filter(|(_, found)| !found.is_empty()).collect();
    assert_eq!(wrong, []);
}

#[test]
fn all_rules_are_listed_for_people_and_for_machines() {
    let (outcome, out, err) = run(&["--rules"], "");
    assert_eq!((outcome, err.as_str()), (Found::Clean, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("RULE") && lines[0].contains("SEVERITY"), "{}", lines[0]);
    assert!(lines.iter().all(|line| line.chars().count() <= 130), "it fits on a screen");
    let (_, json, _) = run(&["--rules", "-o", "json"], "");
    let listed: Vec<Value> = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> = listed.iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    assert_eq!(names, Code::ALL.iter().copied().map(Code::as_str).collect::<Vec<_>>());
    for name in names {
        assert!(lines.iter().any(|line| line.trim().starts_with(name)), "{name}");
    }
    let role = listed.iter().find(|rule| rule["name"] == "KvRole").unwrap();
    let url = "https://github.com/modelplane/function-modelplane/blob/main/docs/rules/KvRole.md";
    let summary = "Every connector has a kv_role that suits its phase: the engine exits without one.";
    assert_eq!(*role, json!({"name": "KvRole", "severities": ["error", "warning"], "summary": summary, "url": url}));
    for format in ["sarif", "github"] {
        let (outcome, out, err) = run(&["--rules", "-o", format], "");
        assert_eq!((outcome, out.as_str()), (Found::BadInput, ""));
        assert!(err.starts_with("--rules is text or JSON"), "{err}");
    }
}

#[test]
fn a_rule_is_explained_by_its_page() {
    let (outcome, out, err) = run(&["--explain", "KvRole"], "");
    assert_eq!((outcome, err.as_str()), (Found::Clean, ""));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules/KvRole.md")).unwrap();
    assert_eq!(page.split_once('\n').unwrap().1, out, "the same as in docs/, but for the word on who wrote it");
    assert!(out.starts_with("# KvRole\n\n*error or warning*: Every connector has a kv_role"), "{out}");
}
