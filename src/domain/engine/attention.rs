//! Which attention an engine computes, as far as its arguments say it.

use serde::Deserialize;

/// The options that choose the attention backend: a name, or an object that may have one.
pub(crate) const BACKEND_OPTIONS: [&str; 2] = ["attention-backend", "attention-config"];
/// The variable that chose it before.
pub(crate) const BACKEND_ENV: &str = "VLLM_ATTENTION_BACKEND";

/// What matters here of `--attention-config`.
#[derive(Deserialize)]
struct Config {
    backend: Option<String>,
}

/// The backend that `--attention-config` names, empty where it names none; `None` where that cannot be read.
pub(crate) fn backend_in(object: &str) -> Option<String> {
    serde_json::from_str::<Config>(object).ok().map(|config| config.backend.unwrap_or_default())
}

/// Whether a backend, in capitals, is one for multi-head latent attention. In vLLM 0.19.0 and 0.32.0 all that have it in their name are.
pub(crate) fn is_mla(backend: &str) -> bool {
    backend.contains("MLA")
}
