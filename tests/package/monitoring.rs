//! The alerts and the PodMonitor in `package/monitoring` look at what `explain` asks about, and where KServe has it. Whether they alert when
//! they should is tried by `tests/e2e/alerts`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use function_modelplane::cli::manifests::load;
use function_modelplane::domain::engine::metrics::{COMPUTED, FAILED_TRANSFERS, FROM_PREFILL, PROMPT_TOKENS};
use function_modelplane::domain::kserve::{DECODE_PORT, ENGINE_PORT, decode_pods, engine_pods, prefill_pods};
use regex::Regex;
use serde_json::{Value, json};

/// The only object of a file.
fn shipped(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("package/monitoring").join(file);
    let mut found = load(&[path], &mut [].as_slice(), &mut Vec::new()).unwrap();
    assert_eq!(found.len(), 1, "{file}");
    found.remove(0).object
}

/// Everything of this form in the expressions of all rules.
fn in_expressions(pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    let rules = shipped("disaggregation.yaml");
    let expressions = rules["spec"]["groups"][0]["rules"].as_array().unwrap().iter().map(|rule| rule["expr"].as_str().unwrap().to_owned());
    expressions.flat_map(|text| pattern.captures_iter(&text).map(|found| found[1].to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn alerts_are_about_what_explain_asks() {
    assert_eq!(in_expressions(r"(vllm:\w+)"), BTreeSet::from([FAILED_TRANSFERS, PROMPT_TOKENS].map(str::to_owned)));
    let sources = [FROM_PREFILL.to_owned(), format!("{FROM_PREFILL}|{COMPUTED}")];
    assert_eq!(in_expressions(r#"source=~?"([^"]+)""#), BTreeSet::from(sources));
    let every = ".+-pd";
    assert_eq!(in_expressions(r#"pod=~"([^"]+)""#), BTreeSet::from([decode_pods(every), engine_pods(every), prefill_pods(every)]));
}

#[test]
fn engines_are_scraped_where_they_listen() {
    let monitor = shipped("engines.yaml");
    let ports = &monitor["spec"]["podMetricsEndpoints"][0]["relabelings"][0]["regex"];
    assert_eq!(ports, &json!(format!("decode;{DECODE_PORT}|(prefill|both);{ENGINE_PORT}")));
}
