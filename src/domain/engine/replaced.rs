//! What to write instead of an option that a release of vLLM dropped: `replaced.json`, where each has its source.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// One option that was dropped.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The option's long name without dashes.
    name: String,
    /// What to do, as the end of a sentence.
    instead: String,
    #[serde(rename = "source")]
    _source: IgnoredAny,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "about")]
    _about: IgnoredAny,
    options: Vec<Row>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| serde_json::from_str(include_str!("replaced.json")).unwrap_or_default());

/// What to write instead of an option by its long name.
pub(crate) fn instead(name: &str) -> Option<&'static str> {
    TABLE.options.iter().find(|row| row.name == name).map(|row| row.instead.as_str())
}
