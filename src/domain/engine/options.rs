//! What `vllm serve` takes, release by release.
//!
//! `options.json` is what the parsers of the releases say; `tests/e2e/engines/read-options` writes it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::release::{Release, Span};

/// How many of the plain words that follow an option are its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Takes {
    /// None: it is a switch.
    #[default]
    #[serde(rename = "none")]
    Nothing,
    /// One.
    One,
    /// One, if there is one.
    Maybe,
    /// All, and at least one.
    Some,
}

/// What the parser turns a value into, and refuses where it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    /// Anything.
    Text,
    /// Anything, but JSON where it is in braces.
    #[serde(rename = "text or object")]
    TextOrObject,
    /// A whole number.
    Integer,
    /// A whole number, or a JSON object.
    #[serde(rename = "integer or object")]
    IntegerOrObject,
    /// A number.
    Number,
    /// A whole number, perhaps with a letter for a thousand and so on.
    Count,
    /// The same, or `auto`.
    #[serde(rename = "count or auto")]
    CountOrAuto,
    /// JSON.
    Json,
    /// A JSON object.
    Object,
}

/// One way in which releases take an option.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The option's long name without dashes, by which it goes here.
    pub(crate) name: String,
    /// The releases that take it so.
    #[serde(default, rename = "in")]
    releases: Span,
    #[serde(default)]
    pub(crate) takes: Takes,
    #[serde(default, rename = "type")]
    pub(crate) kind: Option<Type>,
    /// Whether an empty value, and `None`, are nothing.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Other long names.
    #[serde(default)]
    also: BTreeMap<String, Span>,
    /// Long names that turn a switch off.
    #[serde(default)]
    off: BTreeMap<String, Span>,
    /// Names with one dash.
    #[serde(default)]
    short: BTreeMap<String, Span>,
    #[serde(default)]
    choices: BTreeMap<String, Span>,
    /// Whether a value is lowered, and its dashes become underscores, before it is looked up among the choices.
    #[serde(default)]
    pub(crate) folds: bool,
    #[serde(default)]
    pub(crate) bounds: Bounds,
}

/// What a number is held to behind the parser, when the engine's configuration is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bounds {
    /// At least.
    pub(crate) ge: Option<f64>,
    /// Above.
    pub(crate) gt: Option<f64>,
    /// At most.
    pub(crate) le: Option<f64>,
    /// Below.
    pub(crate) lt: Option<f64>,
}

/// What `--kv-transfer-config` takes for a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyType {
    /// Anything.
    Anything,
    /// A string.
    Text,
    /// A whole number, also in quotes.
    Integer,
    /// A number, also in quotes.
    Number,
    /// True or false, also in words.
    Flag,
    /// An object.
    Object,
    /// One of some words.
    Choice,
}

/// One way in which releases take a key of `--kv-transfer-config`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) name: String,
    #[serde(default, rename = "in")]
    releases: Span,
    #[serde(rename = "type")]
    pub(crate) kind: KeyType,
    /// Whether it may be null.
    #[serde(default)]
    pub(crate) null: bool,
    #[serde(default)]
    pub(crate) choices: Vec<String>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "about")]
    _about: IgnoredAny,
    releases: Vec<Release>,
    options: Vec<Row>,
    /// The releases that refuse a key that they do not have.
    closed: Span,
    /// The same of a connector within MultiConnector.
    closed_within: Span,
    transfer: Vec<Key>,
}

/// A name for an option.
#[derive(Debug)]
struct Naming {
    row: &'static Row,
    /// In which of the row's releases.
    releases: &'static Span,
    off: bool,
}

/// An option by one of its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) row: &'static Row,
    /// The name, without dashes.
    pub(crate) name: &'static str,
    /// Whether the name turns a switch off.
    pub(crate) off: bool,
}

/// How a release lacks what it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// No release has it.
    Everywhere,
    /// It has it no more, since another release.
    Since(Release),
    /// It does not have it yet; another is the first that does.
    Until(Release),
}

static TABLE: LazyLock<Table> = LazyLock::new(|| serde_json::from_str(include_str!("options.json")).unwrap_or_default());

/// Names that releases know in all of a row's releases.
static ALWAYS: Span = Span::ALL;

/// What each name stands for, the oldest meaning first.
type Names = BTreeMap<&'static str, Vec<Naming>>;

static LONG: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names::new();
    for row in &TABLE.options {
        let own = (row.name.as_str(), &ALWAYS, false);
        let also = row.also.iter().map(|(name, releases)| (name.as_str(), releases, false));
        let off = row.off.iter().map(|(name, releases)| (name.as_str(), releases, true));
        for (name, releases, off) in std::iter::once(own).chain(also).chain(off) {
            names.entry(name).or_default().push(Naming { row, releases, off });
        }
    }
    names
});

static SHORT: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names::new();
    for row in &TABLE.options {
        for (name, releases) in &row.short {
            names.entry(name).or_default().push(Naming { row, releases, off: false });
        }
    }
    names
});

impl Row {
    /// Whether a release takes the option so; any of them where nobody knows which.
    pub(crate) fn is_in(&self, release: Option<Release>) -> bool {
        self.releases.holds_any(release)
    }

    /// What the values are chosen from, in a release or in any; nothing where they are free. The word for nothing is left out.
    pub(crate) fn choices(&self, release: Option<Release>) -> Vec<&str> {
        let here = self.choices.iter().filter(|(_, releases)| releases.holds_any(release)).map(|(choice, _)| choice.as_str());
        let mut choices: Vec<&str> = here.filter(|choice| *choice != "None").collect();
        // Numbers come in their order, words in that of the file.
        choices.sort_by_key(|choice| choice.parse::<u32>().ok());
        choices
    }
}

impl Key {
    /// Whether a release takes the key so; any of them where nobody knows which.
    pub(crate) fn is_in(&self, release: Option<Release>) -> bool {
        self.releases.holds_any(release)
    }
}

impl Naming {
    /// Whether it is a name in a release; in any where nobody knows which.
    fn is_in(&self, release: Option<Release>) -> bool {
        self.row.is_in(release) && self.releases.holds_any(release)
    }
}

/// The releases that were read, the oldest first.
pub(crate) fn releases() -> &'static [Release] {
    &TABLE.releases
}

/// A release, if it is one of those that were read.
pub(crate) fn read(release: Release) -> Option<Release> {
    TABLE.releases.contains(&release).then_some(release)
}

/// The options whose long name something is, or begins. What is a whole name is not the beginning of another.
pub(crate) fn long(written: &str, release: Option<Release>) -> Vec<Named> {
    complete(&LONG, written, release)
}

/// The options whose short name something is, or begins.
pub(crate) fn short(written: &str, release: Option<Release>) -> Vec<Named> {
    complete(&SHORT, written, release)
}

fn complete(names: &'static Names, written: &str, release: Option<Release>) -> Vec<Named> {
    if let Some(named) = names.get_key_value(written).and_then(|entry| named(entry, release)) {
        return vec![named];
    }
    let from_here = names.range::<str, _>((Bound::Included(written), Bound::Unbounded));
    from_here.take_while(|(name, _)| name.starts_with(written)).filter_map(|entry| named(entry, release)).collect()
}

/// What a name means in a release, or last meant in any.
fn named((name, namings): (&&'static str, &Vec<Naming>), release: Option<Release>) -> Option<Named> {
    let naming = namings.iter().rfind(|naming| naming.is_in(release))?;
    Some(Named { row: naming.row, name, off: naming.off })
}

/// Every long name in a release, or in any.
pub(crate) fn long_names(release: Option<Release>) -> Vec<&'static str> {
    LONG.iter().filter(|(_, namings)| namings.iter().any(|naming| naming.is_in(release))).map(|(name, _)| *name).collect()
}

/// Whether a release knows a long name.
pub(crate) fn knows(name: &str, release: Release) -> bool {
    LONG.get(name).is_some_and(|namings| namings.iter().any(|naming| naming.is_in(Some(release))))
}

/// How a release lacks something that it does not have; nobody has it where nobody knows which release it is.
pub(crate) fn absence(release: Option<Release>, has: impl Fn(Release) -> bool) -> Absence {
    let Some(release) = release else { return Absence::Everywhere };
    let had = TABLE.releases.iter().rfind(|other| **other < release && has(**other));
    // The release that dropped it comes right behind the last that had it.
    let gone = had.and_then(|last| TABLE.releases.iter().find(|other| *other > last)).map(|gone| Absence::Since(*gone));
    let first = || TABLE.releases.iter().find(|other| has(**other)).map(|first| Absence::Until(*first));
    gone.or_else(first).unwrap_or(Absence::Everywhere)
}

/// Every way in which releases take an option, by its own name.
pub(crate) fn rows(name: &str) -> impl Iterator<Item = &'static Row> {
    let namings = LONG.get(name).map(Vec::as_slice).unwrap_or_default();
    namings.iter().map(|naming| naming.row).filter(move |row| row.name == name)
}

/// Every key of `--kv-transfer-config`, in each way in which releases take it.
pub(crate) fn keys() -> &'static [Key] {
    &TABLE.transfer
}

/// Whether a release refuses keys that it does not have; `within` MultiConnector it may not where it does otherwise.
pub(crate) fn is_closed(release: Release, within: bool) -> bool {
    if within { TABLE.closed_within.holds(release) } else { TABLE.closed.holds(release) }
}

/// The newest release that was read, as people write it.
pub(crate) fn newest() -> String {
    TABLE.releases.last().map(ToString::to_string).unwrap_or_default()
}
