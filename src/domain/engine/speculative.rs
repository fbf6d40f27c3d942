//! Speculative decoding: what an engine drafts with, as far as it decides what is cached.
//!
//! Read in `config/speculative.py` and NIXL's `metadata.py` of vLLM 0.28.0 and 0.33.0.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The methods that draft from the model's own hidden states; of those NIXL compares what it drafts with.
const HIDDEN_STATES: [&str; 5] = ["eagle", "eagle3", "mtp", "dflash", "dspark"];
/// The methods that cache nothing of their own.
const WITHOUT_CACHE: [&str; 7] = ["ngram", "[ngram]", "ngram_gpu", "suffix", "medusa", "mlp_speculator", "custom_class"];
/// What NIXL compares, by the keys of `--speculative-config`.
const COMPARED: [&str; 6] = ["method", "model", "revision", "code_revision", "parallel_drafting", "kv_cache_dtype"];

/// What an engine drafts with, if with anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    is_on: bool,
    keys: BTreeMap<&'static str, String>,
}

impl Draft {
    /// Reads `--speculative-config`; `None` where it cannot be read.
    pub(crate) fn read(config: Option<&str>, method: Option<&str>, model: Option<&str>) -> Option<Self> {
        let is_on = config.or(method).or(model).is_some();
        let written: Map<String, Value> = config.map_or(Some(Map::new()), |text| serde_json::from_str(text).ok())?;
        // vLLM takes dashes for underscores.
        let written: Map<String, Value> = written.into_iter().map(|(key, value)| (key.replace('-', "_"), value)).collect();
        let short = [("method", method), ("model", model)].into_iter().filter_map(|(key, value)| Some((key, value?.to_owned())));
        let mut keys: BTreeMap<&'static str, String> =
            COMPARED.into_iter().filter_map(|key| Some((key, text(written.get(key)?)?))).chain(short).collect();
        let model = keys.get("model").map(String::as_str);
        let method = keys.get("method").map(|method| if method.ends_with("_mtp") { "mtp".to_owned() } else { method.clone() });
        if let Some(method) = method.or_else(|| inferred(model).map(str::to_owned)) {
            keys.insert("method", method);
        }
        Some(Self { is_on, keys })
    }

    /// What people call it.
    pub(crate) fn called(&self) -> &str {
        if self.is_on { self.method().unwrap_or("on") } else { "off" }
    }

    /// How it drafts; `None` where vLLM looks that up in the draft model.
    fn method(&self) -> Option<&str> {
        self.keys.get("method").map(String::as_str)
    }

    /// Whether it caches blocks of its own.
    pub(crate) fn caches(&self) -> bool {
        self.is_on && self.method().is_none_or(|method| !WITHOUT_CACHE.contains(&method))
    }

    /// Whether NIXL compares it, from the release on in which it does.
    pub(crate) fn is_compared(&self) -> bool {
        self.method().is_some_and(|method| HIDDEN_STATES.contains(&method))
    }

    /// The first key that differs from another, and what it is here and there; empty where nothing sets it.
    pub(crate) fn differs<'a>(&'a self, other: &'a Self) -> Option<(&'static str, &'a str, &'a str)> {
        let of = |draft: &'a Self, key| draft.keys.get(key).map_or("", String::as_str);
        COMPARED.into_iter().map(|key| (key, of(self, key), of(other, key))).find(|(_, here, there)| here != there)
    }
}

/// A value as a text; `None` where it is what vLLM takes anyway.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

/// The method that vLLM takes by the name of the draft model; it looks into the model itself where that says nothing.
fn inferred(model: Option<&str>) -> Option<&'static str> {
    let model = model?.to_lowercase();
    match model.as_str() {
        "ngram" | "[ngram]" => Some("ngram"),
        _ if model.contains("eagle-") => Some("eagle"),
        _ if model.contains("eagle3") => Some("eagle3"),
        _ => None,
    }
}
