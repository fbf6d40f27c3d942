//! YAML text becomes JSON values, each with its place in the text.
//!
//! What an unquoted scalar means follows kubectl (sigs.k8s.io/yaml, which reads with go.yaml.in/yaml/v2 and then converts to
//! JSON), because that is what decides in a cluster: YAML 1.1's booleans (`yes`, `no`, `on`, `off`, `y`, `n`) are booleans,
//! `0755` is octal, `1_000` is 1000, a whole float (`1.0`, `1e3`) is an integer, and a date stays a string. Quoted scalars are
//! always strings, and JSON is read as the YAML that it is. Merge keys (`<<`) and anchors work, within limits.
//!
//! Stricter than kubectl, where it would guess: a key that is given twice, a key that is not a string (kubectl turns the key `y`
//! into "true") and numbers that JSON cannot hold are errors. Otherwise different only in oddities: booleans in mixed case (`oN`)
//! are booleans here, and numbers with an underscore in an odd place (`7_`) are strings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::thread;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Error, Localizer, Location, MessageFormatter, Spanned, UserMessageFormatter, budget};

use crate::cli::manifests::source_map::{Inside, Position, Source};

/// How deep mappings and sequences may nest: twice what the deepest Kubernetes objects (resource definitions) do.
const MAX_DEPTH: usize = 64;

/// The stack for that: four times what the deepest text needs in an unoptimised build.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// One document of a YAML stream.
pub(crate) struct Document {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Why a text is not YAML, or not YAML that has a JSON value.
pub(crate) struct YamlError {
    pub(crate) position: Option<Position>,
    /// A sentence without its full stop, and without the position.
    pub(crate) reason: String,
}

/// Reads all documents of a text; empty and null documents are left out.
pub(crate) fn read(text: &str) -> Result<Vec<Document>, YamlError> {
    let failed = |reason: String| YamlError { position: None, reason };
    thread::scope(|scope| {
        // The parser recurses, and the caller's stack may be small.
        let parser = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || parse(text));
        let parser = parser.map_err(|error| failed(format!("no thread to parse it in: {error}")))?;
        parser.join().unwrap_or_else(|_| Err(failed("the parser failed".to_owned())))
    })
}

fn parse(text: &str) -> Result<Vec<Document>, YamlError> {
    let options = serde_saphyr::options! {
        // A file's size is what bounds its nodes; what aliases multiply has its own limits, which stay as they are.
        budget: budget! {
            max_depth: MAX_DEPTH,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_documents: usize::MAX,
            enforce_alias_anchor_ratio: false,
        },
        emit_comments: false,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let documents: Vec<Spanned<Node>> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| explain(&error))?;
    let document = |node: Spanned<Node>| Document {
        value: node.value.value,
        source: Source { position: position(node.referenced), inside: node.value.inside },
    };
    Ok(documents.into_iter().map(document).collect())
}

fn explain(error: &Error) -> YamlError {
    YamlError { position: error.location().map(position), reason: error.render_with_formatter(&Wording) }
}

/// The parser's errors in words for the person who wrote the file, without the location, which is printed in front of them.
struct Wording;

impl MessageFormatter for Wording {
    fn localizer(&self) -> &dyn Localizer {
        self
    }

    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        if let Error::DuplicateMappingKey { key: Some(key), .. } = error {
            format!("duplicate key {key:?}").into()
        } else if let Error::Budget { breach: budget::BudgetBreach::Depth { .. }, .. } = error {
            format!("nested deeper than {MAX_DEPTH} levels").into()
        } else if let Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } = error {
            "too large, or its aliases multiply it too far".into()
        } else {
            UserMessageFormatter.format_message(error)
        }
    }
}

impl Localizer for Wording {
    fn attach_location<'a>(&self, message: Cow<'a, str>, _: Location) -> Cow<'a, str> {
        message
    }
}

fn position(location: Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

/// A value and the places inside it, built in one pass.
struct Node {
    value: Value,
    inside: Inside,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl NodeVisitor {
    #[expect(clippy::unnecessary_wraps, reason = "each visitor method returns a Result")]
    fn scalar<E>(value: impl Into<Value>) -> Result<Node, E> {
        Ok(Node { value: value.into(), inside: Inside::Nothing })
    }
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON can hold")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Self::scalar(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Self::scalar(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Self::scalar(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Self::scalar(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        // Display never writes an exponent, so this succeeds for exactly the whole numbers that an i64 holds.
        if let Ok(whole) = value.to_string().parse::<i64>() {
            return Self::scalar(whole);
        }
        Self::scalar(Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Self::scalar(value)
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Self::scalar(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut values = Vec::new();
        let mut sources = Vec::new();
        while let Some(Spanned { value: node, referenced, .. }) = items.next_element::<Spanned<Node>>()? {
            values.push(node.value);
            sources.push(Source { position: position(referenced), inside: node.inside });
        }
        Ok(Node { value: Value::Array(values), inside: Inside::Items(sources) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut values = Map::new();
        let mut sources = BTreeMap::new();
        while let Some(Spanned { value: Key(key), referenced, .. }) = fields.next_key::<Spanned<Key>>()? {
            let node: Node = fields.next_value()?;
            values.insert(key.clone(), node.value);
            sources.insert(key, Source { position: position(referenced), inside: node.inside });
        }
        Ok(Node { value: Value::Object(values), inside: Inside::Fields(sources) })
    }
}

/// A key: a string, and nothing that would have to be turned into one.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Node { value, .. } = Node::deserialize(deserializer)?;
        match value {
            Value::String(key) => Ok(Self(key)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                Err(D::Error::custom(format!("a key is read as {value}, which is not a string: put the key in quotes")))
            }
            Value::Array(_) | Value::Object(_) => Err(D::Error::custom("a list or mapping cannot be a key: use a string")),
        }
    }
}
