//! What `--kv-transfer-config` says: the connectors that carry the KV cache between engines.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::connectors::{Hashed, Kind, known};
use super::options::{self, Absence, Key, KeyType};
use super::release::{Release, v0};
use super::values::without_unit_suffixes;
use super::{args::EngineArgs, template_text::env_refs};

/// The option.
pub(crate) const OPTION: &str = "kv-transfer-config";

/// What people may copy for prefill.
pub(crate) const PREFILL_EXAMPLE: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#;

/// The same for decode.
pub(crate) const DECODE_EXAMPLE: &str = r#"--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#;

/// Where OffloadingConnector offloads to when it is not told: the memory of its own pod.
const LOCAL_SPEC: &str = "CPUOffloadingSpec";

/// What NIXL moves bytes with where nothing says so.
const DEFAULT_BACKEND: &str = "UCX";

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
    With(Box<Connector>),
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

/// The settings of a connector's own that matter here. One that cannot be read leaves the others as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extra {
    /// Of MultiConnector: those it combines.
    connectors: Vec<Connector>,
    /// Of OffloadingConnector: where it offloads to. Some of those places are shared.
    #[serde(deserialize_with = "anything")]
    spec_name: Option<Value>,
    /// Of NIXL: what it moves bytes with.
    #[serde(deserialize_with = "anything")]
    backends: Option<Value>,
    /// Of NIXL: whether it compares itself with the other end.
    #[serde(deserialize_with = "anything")]
    enforce_handshake_compat: Option<Value>,
    /// Of NIXL: whether a block holds all layers.
    #[serde(deserialize_with = "anything")]
    enable_cross_layers_blocks: Option<Value>,
    /// Of NIXL: whether prefill reads from decode as well.
    #[serde(deserialize_with = "anything")]
    bidirectional_kv_xfer: Option<Value>,
}

/// Any value, `null` among them: to vLLM that is no absent one.
fn anything<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
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
            Some(Kind::Local) => connector.own(|extra| &extra.spec_name).is_none_or(|name| name == LOCAL_SPEC),
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

    /// The first of the carriers that looks blocks up by a hash, and whose it is.
    pub(crate) fn hashed(&self) -> Option<(&str, Hashed)> {
        let mut built_in = self.carriers().into_iter().filter(|carrier| !carrier.is_custom());
        built_in.find_map(|carrier| Some((carrier.name(), known(carrier.name())?.hashed?)))
    }

    /// Whether any of its connectors is of a kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.all().iter().any(|connector| connector.kind() == Some(kind))
    }

    /// Whether any of its connectors is one of NIXL's.
    pub(crate) fn has_nixl(&self) -> bool {
        self.nixl().is_some()
    }

    /// The one of its connectors that is NIXL's.
    fn nixl(&self) -> Option<&Self> {
        self.all().into_iter().find(|connector| matches!(connector.kind(), Some(Kind::Pull | Kind::Push)))
    }

    fn own(&self, setting: impl Fn(&Extra) -> &Option<Value>) -> Option<&Value> {
        self.extra.as_ref().and_then(|extra| setting(extra).as_ref())
    }

    /// What NIXL moves bytes with; `None` where that cannot be read here.
    pub(crate) fn backends(&self) -> Option<BTreeSet<String>> {
        let Some(written) = self.nixl()?.own(|extra| &extra.backends) else { return Some(BTreeSet::from([DEFAULT_BACKEND.to_owned()])) };
        let names = written.as_array()?.iter().map(|name| name.as_str().filter(|name| env_refs(name).is_empty()).map(str::to_owned));
        names.collect::<Option<BTreeSet<String>>>().filter(|names| !names.is_empty())
    }

    /// Whether NIXL compares itself with the other end when it asks for blocks; `None` where that cannot be read here.
    pub(crate) fn compares(&self) -> Option<bool> {
        self.nixl()?.own(|extra| &extra.enforce_handshake_compat).map_or(Some(true), is_true)
    }

    /// Whether NIXL is told to keep all layers in one block; `None` where that cannot be read here.
    pub(crate) fn crosses_layers(&self) -> Option<bool> {
        match self.nixl()?.own(|extra| &extra.enable_cross_layers_blocks) {
            Some(Value::String(text)) if !env_refs(text).is_empty() => None,
            Some(Value::String(text)) => Some(text.eq_ignore_ascii_case("true")),
            written => Some(written == Some(&Value::Bool(true))),
        }
    }

    /// Whether NIXL asks for blocks in prefill, too: it pushes, or reads both ways.
    pub(crate) fn asks_in_prefill(&self) -> bool {
        self.has(Kind::Push)
            || self.nixl().and_then(|nixl| nixl.own(|extra| &extra.bidirectional_kv_xfer)).is_some_and(|both| is_true(both) == Some(true))
    }
}

/// Whether Python takes a value for true; `None` where the kubelet fills it in.
fn is_true(value: &Value) -> Option<bool> {
    Some(match value {
        Value::Null => false,
        Value::Bool(set) => *set,
        Value::Number(number) => number.as_f64() != Some(0.0),
        // Even "false" is a text, and so true.
        Value::String(text) if env_refs(text).is_empty() => !text.is_empty(),
        Value::String(_) => return None,
        Value::Array(items) => !items.is_empty(),
        Value::Object(keys) => !keys.is_empty(),
    })
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

/// Reads the option as a release does. `hidden` says whether something else may set it, too.
pub(crate) fn read_transfer(args: &EngineArgs, release: Option<Release>, hidden: bool) -> Transfer {
    if hidden {
        return Transfer::Unknown;
    }
    if !args.is_given(OPTION) {
        return Transfer::Absent;
    }
    let Some(text) = args.value(OPTION) else { return Transfer::Invalid("has no value") };
    // The option is optional, and this is how vLLM writes nothing.
    if ["", "None"].contains(&text) {
        return Transfer::Absent;
    }
    if object(text, release).is_none() {
        return if env_refs(text).is_empty() { Transfer::Invalid("is no JSON object") } else { Transfer::Unknown };
    }
    match serde_json::from_str::<Connector>(&readable(text, release)) {
        Ok(connector) if connector.name.is_none() => Transfer::Absent,
        Ok(connector) if connector.all().iter().all(|connector| env_refs(connector.name()).is_empty()) => {
            Transfer::With(Box::new(connector))
        }
        Ok(_) | Err(_) => Transfer::Unknown,
    }
}

fn object(text: &str, release: Option<Release>) -> Option<Map<String, Value>> {
    serde_json::from_str(&readable(text, release)).ok()
}

/// The text as JSON has it: since 0.20 vLLM reads 80g as a number.
fn readable(text: &str, release: Option<Release>) -> String {
    if release.is_some_and(|release| release < v0(20, 0)) { text.to_owned() } else { without_unit_suffixes(text) }
}

/// A key that vLLM refuses, or whose value it does.
#[derive(Debug)]
pub(crate) struct KeyFault {
    pub(crate) key: String,
    /// Of MultiConnector's connectors, the name of the one that has it.
    pub(crate) within: Option<String>,
    pub(crate) why: KeyWhy,
}

/// Why it does.
#[derive(Debug)]
pub(crate) enum KeyWhy {
    /// The release does not have the key.
    Lacking(Absence),
    /// Its value is of another type.
    Type(KeyType),
    /// Its value is none of these.
    Choice(Vec<String>),
}

/// What a release refuses in the option; what every release does where nobody knows which it is.
pub(crate) fn key_faults(args: &EngineArgs, release: Option<Release>) -> Vec<KeyFault> {
    let mut faults = Vec::new();
    if let Some(object) = args.value(OPTION).and_then(|text| object(text, release)) {
        check_object(&object, None, release, &mut faults);
    }
    faults
}

fn check_object(object: &Map<String, Value>, within: Option<&str>, release: Option<Release>, faults: &mut Vec<KeyFault>) {
    for (key, value) in object.iter().filter(|(key, _)| env_refs(key).is_empty()) {
        if let Some(why) = check_key(key, value, within.is_some(), release) {
            faults.push(KeyFault { key: key.clone(), within: within.map(str::to_owned), why });
        }
    }
    let multi = object.get("kv_connector").and_then(Value::as_str).and_then(known).is_some_and(|known| known.kind == Kind::Multi);
    if !multi || object.contains_key("kv_connector_module_path") {
        return;
    }
    let inside = object.get("kv_connector_extra_config").and_then(|extra| extra.get("connectors")).and_then(Value::as_array);
    for connector in inside.into_iter().flatten().filter_map(Value::as_object) {
        let name = connector.get("kv_connector").and_then(Value::as_str).unwrap_or("a connector");
        check_object(connector, Some(name), release, faults);
    }
}

fn check_key(name: &str, value: &Value, within: bool, release: Option<Release>) -> Option<KeyWhy> {
    let rows: Vec<&Key> = options::keys().iter().filter(|key| key.name == name).collect();
    let here: Vec<&&Key> = rows.iter().filter(|key| key.is_in(release)).collect();
    if here.is_empty() {
        if release.is_some_and(|release| !options::is_closed(release, within)) {
            return None;
        }
        return Some(KeyWhy::Lacking(options::absence(release, |other| rows.iter().any(|key| key.is_in(Some(other))))));
    }
    let mut last = None;
    for key in here {
        last = wrong_value(key, value);
        last.as_ref()?;
    }
    last
}

fn wrong_value(key: &Key, value: &Value) -> Option<KeyWhy> {
    let text = value.as_str();
    // What the kubelet fills in may be anything.
    if text.is_some_and(|text| !env_refs(text).is_empty()) || value.is_null() && key.null {
        return None;
    }
    let in_quotes = |text: &str| text.trim().parse::<f64>().is_ok();
    let fits = match key.kind {
        KeyType::Anything => true,
        KeyType::Text => text.is_some(),
        KeyType::Integer => value.is_boolean() || value.as_f64().is_some_and(|number| number.fract() == 0.0) || text.is_some_and(in_quotes),
        KeyType::Number => value.is_boolean() || value.is_number() || text.is_some_and(in_quotes),
        KeyType::Flag => {
            value.is_boolean()
                || value.as_f64().is_some_and(|number| number.fract() == 0.0 && (0.0..=1.0).contains(&number))
                || text.is_some_and(is_flag)
        }
        KeyType::Object => value.is_object(),
        KeyType::Choice => match text {
            Some(text) if !key.choices.iter().any(|choice| choice == text) => return Some(KeyWhy::Choice(key.choices.clone())),
            Some(_) | None => text.is_some(),
        },
    };
    (!fits).then_some(KeyWhy::Type(key.kind))
}

/// Whether pydantic reads a word as true or false.
fn is_flag(word: &str) -> bool {
    ["0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes"].contains(&word.to_lowercase().as_str())
}
