//! What the lint finds, rule by rule: each case is a profile that is fine but for what the case is about.

mod arguments;
mod cache;
mod connector;
mod gpus;
mod handshake;
mod image;
mod network;
mod options;
mod parallelism;
mod pods;
mod published;
mod role;
mod spec_rules;
mod speculative;
mod variables;
mod weights;
mod whole;

use function_modelplane::api::model::ModelSpec;
use function_modelplane::domain::lint::{Finding, lint_model};
use serde_json::{Value, json};

/// The transfer that nothing is wrong with, in decode and in prefill.
const NIXL: [&str; 2] = [
    r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#,
    r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#,
];

/// A model with one profile.
fn spec_of(mut profile: Value) -> ModelSpec {
    profile["name"] = json!("one");
    serde_json::from_value(json!({
        "model": {"name": "meta-llama/Llama"}, "source": "HuggingFace", "huggingFace": {"repo": "meta-llama/Llama"},
        "resources": {"vram": "70Gi"}, "serving": [profile],
    }))
    .unwrap()
}

/// One phase of a case.
#[derive(Clone, Copy, Default)]
struct Phase {
    /// Its arguments behind [`NIXL`], or all of them where the first is a transfer of its own or none.
    args: &'static [&'static str],
    image: Option<&'static str>,
    env: &'static [(&'static str, &'static str)],
    gpu: Option<u32>,
}

/// A phase with arguments.
const fn args(args: &'static [&'static str]) -> Phase {
    Phase { args, image: None, env: &[], gpu: None }
}

/// A phase with an image and arguments.
const fn image(image: &'static str, args: &'static [&'static str]) -> Phase {
    Phase { args, image: Some(image), env: &[], gpu: None }
}

/// A phase with variables.
const fn env(env: &'static [(&'static str, &'static str)]) -> Phase {
    Phase { args: &[], image: None, env, gpu: None }
}

impl Phase {
    fn engine(self, transfer: &[&'static str]) -> Value {
        let own = self.args.first().is_some_and(|first| first.starts_with("--kv-transfer") || first.starts_with("--kv_transfer"));
        let args: Vec<&str> = if own { self.args.to_vec() } else { transfer.iter().chain(self.args).copied().collect() };
        let env: Vec<Value> = self.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        json!({"name": "vLLM", "image": self.image.unwrap_or("vllm/vllm-openai:v0.32.0"), "args": args, "env": env})
    }

    fn resources(self) -> Value {
        self.gpu.map_or(json!({}), |gpu| json!({"gpu": gpu}))
    }
}

fn pair(decode: Phase, prefill: Phase) -> ModelSpec {
    spec_of(json!({
        "topology": "PrefillDecode", "environmentSelector": {"matchLabels": {"modelplane.ai/rdma": "true"}},
        "engine": decode.engine(&NIXL[..1]), "resources": decode.resources(),
        "prefill": {"engine": prefill.engine(&NIXL[1..]), "resources": prefill.resources()},
    }))
}

fn unified(engine: Phase) -> ModelSpec {
    spec_of(json!({"engine": engine.engine(&[]), "resources": engine.resources()}))
}

/// A finding on one line, all of it.
fn line(finding: &Finding) -> String {
    format!("{} {}: {}: {}", finding.severity.as_str(), finding.code.as_str(), finding.path, finding.message)
}

fn lines(spec: &ModelSpec) -> Vec<String> {
    lint_model(spec).iter().map(line).collect()
}

fn assert_lines(found: &[String], expected: &[&str], reason: &str) {
    assert_eq!(found, expected, "{reason}");
}

/// Decode, prefill, what is found, and why the case is there.
type Case = (Phase, Phase, &'static [&'static str], &'static str);

fn assert_found(cases: &[Case]) {
    for (decode, prefill, found, reason) in cases {
        assert_lines(&lines(&pair(*decode, *prefill)), found, reason);
    }
}
