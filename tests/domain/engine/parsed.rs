//! What we read off arguments is what vLLM's own parser reads. `tests/e2e/engines/parse-arguments` asked it.

use function_modelplane::api::model::ModelSpec;
use function_modelplane::domain::engine::args::{EngineArgs, Gpus};
use function_modelplane::domain::lint::{Code, Finding, lint_model};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const IMAGE: &str = "vllm/vllm-openai:v0.32.0";
/// The rules that say of arguments that the engine exits at start.
const EXITS: [Code; 5] = [Code::FusedArg, Code::OptionUnknown, Code::OptionValue, Code::KvConfigInvalid, Code::KvRole];

#[derive(Deserialize)]
struct Parsed {
    defaults: Map<String, Value>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    args: Vec<String>,
    /// What vLLM says before it exits.
    refused: Option<String>,
    /// What it read that differs from the defaults.
    sets: Option<Map<String, Value>>,
}

fn parsed() -> Parsed {
    serde_json::from_str(include_str!("parsed-0.32.0.json")).unwrap()
}

/// What the lint says of an engine on that image.
fn exits(args: &[String]) -> Vec<String> {
    let spec: ModelSpec = serde_json::from_value(json!({
        "model": {"name": "meta-llama/Llama"}, "source": "HuggingFace", "huggingFace": {"repo": "meta-llama/Llama"},
        "resources": {"vram": "70Gi"}, "serving": [{"name": "one", "engine": {"name": "vLLM", "image": IMAGE, "args": args}}],
    }))
    .unwrap();
    let of_arguments = |finding: &Finding| finding.is_error() && EXITS.contains(&finding.code);
    lint_model(&spec).into_iter().filter(of_arguments).map(|finding| finding.message).collect()
}

#[test]
fn the_lint_says_that_the_engine_exits_where_vllm_does() {
    let rows = parsed().rows;
    assert!(rows.len() > 200, "{} command lines", rows.len());
    assert!(rows.iter().filter(|row| row.refused.is_some()).count() > 60, "those that are refused are the point");
    let different: Vec<String> = rows
        .iter()
        .filter(|row| exits(&row.args).is_empty() != row.refused.is_none())
        .map(|row| format!("{:?}: vLLM {:?}, lint {:?}", row.args, row.refused, exits(&row.args)))
        .collect();
    assert_eq!(different, Vec::<String>::new(), "where vLLM says nothing it started");
}

/// The options without a value.
const SWITCHES: [&str; 4] = ["headless", "enforce_eager", "enable_prefix_caching", "disable_hybrid_kv_cache_manager"];

/// What is set, as vLLM would hold it.
fn ours(args: &EngineArgs, field: &str, default: &Value) -> Value {
    let name = field.replace('_', "-");
    if SWITCHES.contains(&field) {
        return args.flag(&name).map_or_else(|| default.clone(), Value::from);
    }
    if !args.is_given(&name) {
        return default.clone();
    }
    if field == "served_model_name" {
        return json!(args.values(&name));
    }
    // Python reads numbers with underscores, and space around them.
    let read = |value: &str| value.trim().replace('_', "").parse::<i64>().map_or_else(|_| json!(value), Value::from);
    args.value(&name).map_or(Value::Null, read)
}

/// The parts of a transfer that the file keeps.
fn transfer(args: &EngineArgs) -> Value {
    let text = args.value("kv-transfer-config").filter(|text| !["", "None"].contains(text));
    let Some(text) = text else { return Value::Null };
    // A number with a letter is JSON to vLLM only.
    let written: Map<String, Value> = serde_json::from_str(&text.replace(":14k}", ":14000}")).unwrap();
    let get = |key: &str| written.get(key).cloned().unwrap_or(Value::Null);
    let extra = written.get("kv_connector_extra_config").cloned().unwrap_or(json!({}));
    json!({"kv_connector": get("kv_connector"), "kv_role": get("kv_role"), "kv_connector_extra_config": extra})
}

#[test]
fn each_option_is_set_to_what_vllm_sets_it_to() {
    let parsed = parsed();
    let mut different = Vec::new();
    for row in &parsed.rows {
        let Some(sets) = &row.sets else { continue };
        let args = EngineArgs::parse_for(IMAGE, &row.args);
        for (field, default) in &parsed.defaults {
            let theirs = sets.get(field).unwrap_or(default);
            let ours = if field == "kv_transfer_config" { transfer(&args) } else { ours(&args, field, default) };
            if ours != *theirs {
                different.push(format!("{:?}: {field} is {theirs}, not {ours}", row.args));
            }
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

#[test]
fn a_pod_needs_the_gpus_of_the_sizes_that_vllm_read() {
    let parsed = parsed();
    let mut different = Vec::new();
    for row in &parsed.rows {
        let Some(sets) = &row.sets else { continue };
        let read = |field: &str| sets.get(field).or_else(|| parsed.defaults.get(field)).and_then(Value::as_u64);
        let ranks =
            if read("data_parallel_rank").is_some() { Some(1) } else { read("data_parallel_size_local").or(read("data_parallel_size")) };
        let sizes = ["tensor_parallel_size", "pipeline_parallel_size", "prefill_context_parallel_size"].map(read);
        let product = sizes.into_iter().chain([ranks]).product::<Option<u64>>().unwrap();
        let alone = read("nnodes") == Some(1) && sets.get("headless").is_none();
        let expected = (alone && product > 0).then_some(product);
        let ours = match EngineArgs::parse_for(IMAGE, &row.args).gpus(&[]) {
            Gpus::Stated(gpus) => Some(u64::from(gpus)),
            Gpus::Unstated => Some(1),
            Gpus::Unknown => None,
        };
        if ours != expected {
            different.push(format!("{:?}: {expected:?}, not {ours:?}", row.args));
        }
    }
    assert_eq!(different, Vec::<String>::new());
}
