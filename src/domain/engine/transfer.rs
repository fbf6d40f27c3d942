//! What `--kv-transfer-config` says: the connectors that carry the KV cache between engines.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::connectors::{Kind, known};
use super::{args::EngineArgs, template_text::env_refs};

/// The option.
pub(crate) const OPTION: &str = "kv-transfer-config";

/// What people may copy for prefill.
pub(crate) const PREFILL_EXAMPLE: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#;

/// The same for decode.
pub(crate) const DECODE_EXAMPLE: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#;

/// Where OffloadingConnector offloads to when it is not told: the memory of its own pod.
const LOCAL_SPEC: &str = "CPUOffloadingSpec";

/// What a phase's engine is told of the transfer.
#[derive(Debug)]
pub(crate) enum Transfer {
    /// It cannot be read here.
    Unknown,
    /// Nothing is transferred.
    Absent,
    /// The engine cannot read it, and what is wrong with it.
    Invalid(&'static str),
    /// With this connector.
    With(Connector),
}

/// A connector, as vLLM's `KVTransferConfig` has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Connector {
    #[serde(rename = "kv_connector")]
    name: Option<String>,
    #[serde(rename = "kv_role")]
    pub(crate) role: Option<String>,
    pub(crate) engine_id: Option<String>,
    #[serde(rename = "kv_connector_module_path")]
    module_path: Option<String>,
    #[serde(rename = "kv_load_failure_policy")]
    pub(crate) failure_policy: Option<String>,
    #[serde(rename = "kv_connector_extra_config")]
    extra: Option<Extra>,
}

/// The settings of a connector's own that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extra {
    /// Of MultiConnector: those it combines.
    connectors: Vec<Connector>,
    /// Of OffloadingConnector: where it offloads to. Some of those places are shared.
    spec_name: Option<String>,
}

impl Connector {
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// What is known of it; `None` when its code is the user's own, or its name is nobody's.
    pub(crate) fn kind(&self) -> Option<Kind> {
        known(self.name()).filter(|_| !self.is_custom()).map(|connector| connector.kind)
    }

    /// Whether its code is the user's own.
    pub(crate) fn is_custom(&self) -> bool {
        self.module_path.is_some()
    }

    /// Itself, and what it combines.
    pub(crate) fn all(&self) -> Vec<&Self> {
        let inside = self.extra.iter().filter(|_| self.kind() == Some(Kind::Multi)).flat_map(|extra| &extra.connectors);
        std::iter::once(self).chain(inside.flat_map(Self::all)).collect()
    }

    /// It, or those it combines, as far as they may carry the cache to another engine.
    pub(crate) fn carriers(&self) -> Vec<&Self> {
        let stays = |connector: &Self| match connector.kind() {
            Some(Kind::Multi) => true,
            Some(Kind::Local) => matches!(connector.extra.as_ref().and_then(|extra| extra.spec_name.as_deref()), None | Some(LOCAL_SPEC)),
            Some(Kind::Pull | Kind::Push | Kind::Directed | Kind::Undirected) | None => false,
        };
        self.all().into_iter().filter(|connector| !stays(connector)).collect()
    }

    /// What the carriers speak. Connectors that speak the same meet.
    pub(crate) fn protocols(&self) -> BTreeSet<&str> {
        // Where OffloadingConnector may reach another engine, another connector does that already, or nobody knows.
        let carriers = self.carriers().into_iter().filter(|connector| connector.kind() != Some(Kind::Local));
        carriers.map(|connector| known(connector.name()).map_or(connector.name(), |known| known.protocol)).collect()
    }

    /// Whether any of its connectors is of a kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.all().iter().any(|connector| connector.kind() == Some(kind))
    }

    /// Whether any of its connectors is one of NIXL's.
    pub(crate) fn has_nixl(&self) -> bool {
        self.has(Kind::Pull) || self.has(Kind::Push)
    }
}

impl Transfer {
    /// The connector, where it can be read.
    pub(crate) fn connector(&self) -> Option<&Connector> {
        match self {
            Self::With(connector) => Some(connector),
            Self::Unknown | Self::Absent | Self::Invalid(_) => None,
        }
    }
}

/// Reads the option. `hidden` says whether something else may set it, too.
pub(crate) fn read_transfer(args: &EngineArgs, hidden: bool) -> Transfer {
    if hidden {
        return Transfer::Unknown;
    }
    if !args.is_given(OPTION) {
        return Transfer::Absent;
    }
    let Some(text) = args.value(OPTION) else { return Transfer::Invalid("has no value") };
    // vLLM reads 80g as a number, which JSON does not.
    let text = without_unit_suffixes(text);
    if serde_json::from_str::<Map<String, Value>>(&text).is_err() {
        return if env_refs(&text).is_empty() { Transfer::Invalid("is no JSON object") } else { Transfer::Unknown };
    }
    match serde_json::from_str::<Connector>(&text) {
        Ok(connector) if connector.name.is_none() => Transfer::Absent,
        Ok(connector) if connector.all().iter().all(|connector| env_refs(connector.name()).is_empty()) => Transfer::With(connector),
        Ok(_) | Err(_) => Transfer::Unknown,
    }
}

/// JSON without the letter behind a number that stands for a thousand and so on.
fn without_unit_suffixes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut quoted, mut before) = (false, ' ');
    for c in text.chars() {
        if c == '"' && before != '\\' {
            quoted = !quoted;
        }
        if quoted || !before.is_ascii_digit() || !"kKmMgGtT".contains(c) {
            kept.push(c);
        }
        // A backslash that is escaped itself escapes nothing.
        before = if before == '\\' { ' ' } else { c };
    }
    kept
}
