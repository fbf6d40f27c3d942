//! What vLLM counts of where its prompts come from, and what to ask Prometheus to know whether a deployment disaggregates. Read in the
//! published 0.11.0 to 0.13.0, 0.15.1 to 0.17.0, 0.19.0 and 0.32.0.

use serde::Serialize;

/// Tokens of prompts, by where the engine has their KV cache from: label [`SOURCE`].
pub const PROMPT_TOKENS: &str = "vllm:prompt_tokens_by_source_total";
/// The first vLLM that counts [`PROMPT_TOKENS`].
pub const PROMPT_TOKENS_SINCE: &str = "0.16.0";
/// The label of [`PROMPT_TOKENS`]. A third source, `local_cache_hit`, is what the engine still had of earlier prompts.
pub const SOURCE: &str = "source";
/// The source of what another engine computed.
pub const FROM_PREFILL: &str = "external_kv_transfer";
/// The source of what the engine computed itself.
pub const COMPUTED: &str = "local_compute";
/// What NIXL could not bring from engine to engine.
pub const FAILED_TRANSFERS: &str = "vllm:nixl_num_failed_transfers_total";
/// The first vLLM that counts [`FAILED_TRANSFERS`].
pub const FAILED_TRANSFERS_SINCE: &str = "0.11.1";

/// What to ask Prometheus about one deployment, each as a query to paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferQueries {
    /// The share of prompt tokens that came from prefill in the last five minutes, of those that decode did not still have; nothing where no
    /// prompt was served.
    pub share_from_prefill: String,
    /// How many transfers failed in the last five minutes.
    pub failed_transfers: String,
}

impl TransferQueries {
    /// About the pods of a namespace, by regular expressions for the names of decode's, and for those of both phases.
    pub fn new(namespace: &str, decode_pods: &str, engine_pods: &str) -> Self {
        let decode = format!("namespace=\"{namespace}\",pod=~\"{decode_pods}\"");
        let tokens = |of: &str| format!("sum(rate({PROMPT_TOKENS}{{{decode},{SOURCE}{of}}}[5m]))");
        let (transferred, all) = (tokens(&format!("=\"{FROM_PREFILL}\"")), tokens(&format!("=~\"{FROM_PREFILL}|{COMPUTED}\"")));
        Self {
            share_from_prefill: format!("{transferred} / ({all} > 0)"),
            failed_transfers: format!("sum(increase({FAILED_TRANSFERS}{{namespace=\"{namespace}\",pod=~\"{engine_pods}\"}}[5m]))"),
        }
    }
}
