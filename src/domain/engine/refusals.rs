//! What vLLM's parser refuses in arguments, so that the engine exits at start.

use super::args::{EngineArgs, Given};
use super::options::{self, Absence, Row, Takes};
use super::release::Release;
use super::template_text::env_refs;
use super::values::{self, Refused};

/// Something that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The argument.
    pub(crate) at: usize,
    /// The option as it was written, with its dashes.
    pub(crate) written: String,
    /// The option's long name, without dashes.
    pub(crate) name: String,
    pub(crate) why: Why,
}

/// Why it is.
#[derive(Debug)]
pub(crate) enum Why {
    /// The release does not have the option.
    Lacking(Absence),
    /// It is a short option and its value in one word.
    Fused,
    /// It is the beginning of several options' names.
    Ambiguous(Vec<String>),
    /// It is a switch, and has a value.
    Switch(String),
    /// It has no value.
    Missing,
    /// It has one that is refused.
    Value(String, Refused),
}

/// What a release refuses in arguments; what every release does where nobody knows which it is.
pub(crate) fn refusals(args: &EngineArgs, release: Option<Release>) -> Vec<Refusal> {
    let ambiguous = args.ambiguous.iter().filter(|one| release.is_some() || is_ambiguous_everywhere(&one.written)).map(|one| Refusal {
        at: one.at,
        written: one.written.clone(),
        name: one.written.trim_start_matches('-').to_owned(),
        why: Why::Ambiguous(one.names.clone()),
    });
    let readable = args.options.iter().filter(|given| env_refs(&given.written).is_empty());
    let given = readable.filter_map(|given| {
        let why = if given.takes.is_none() { unknown(given, release) } else { wrong_values(given, release)? };
        Some(Refusal { at: given.at, written: given.written.clone(), name: given.name.clone(), why })
    });
    let last_wins = |refusal: &Refusal| !args.is_opaque() && args.at(&refusal.name) == Some(refusal.at);
    let mut found: Vec<Refusal> =
        ambiguous.chain(given).filter(|refusal| !matches!(refusal.why, Why::Value(_, Refused::Bounds(_))) || last_wins(refusal)).collect();
    found.sort_by_key(|refusal| refusal.at);
    found
}

/// What is wrong with an option that the release does not have.
fn unknown(given: &Given, release: Option<Release>) -> Why {
    let absence = options::absence(release, |other| options::knows(&given.name, other));
    let fused = (absence == Absence::Everywhere).then(|| fused(given, release)).flatten();
    fused.unwrap_or(Why::Lacking(absence))
}

/// `-tp4`: what is a short option, and then a number.
fn fused(given: &Given, release: Option<Release>) -> Option<Why> {
    let name = given.written.strip_prefix('-').filter(|name| !name.starts_with('-'))?;
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let found = options::short(letters, release);
    let exact = found.iter().any(|named| named.name == letters && letters.len() < name.len());
    exact.then_some(Why::Fused)
}

fn is_ambiguous_everywhere(written: &str) -> bool {
    let count = |release: &Release| match written.strip_prefix("--") {
        Some(name) => options::long(name, Some(*release)).len(),
        None => options::short(written.trim_start_matches('-'), Some(*release)).len(),
    };
    options::releases().iter().all(|release| count(release) != 1)
}

/// What is wrong with the values of an option; where nobody knows the release, what is wrong in every way in which one takes it.
fn wrong_values(given: &Given, release: Option<Release>) -> Option<Why> {
    let mut last = None;
    for row in options::rows(&given.name).filter(|row| row.is_in(release)) {
        last = wrong_in(given, row, release);
        last.as_ref()?;
    }
    last
}

fn wrong_in(given: &Given, row: &Row, release: Option<Release>) -> Option<Why> {
    match (row.takes, given.values.as_slice()) {
        (Takes::Nothing, [value, ..]) => return Some(Why::Switch(value.clone())),
        (Takes::One | Takes::Some, []) => return Some(Why::Missing),
        (Takes::Nothing | Takes::One | Takes::Maybe | Takes::Some, _) => {}
    }
    let mut readable = given.values.iter().filter(|value| env_refs(value).is_empty());
    readable.find_map(|value| {
        let refused = values::refused(row, release, value).or_else(|| values::out_of_bounds(row, value))?;
        Some(Why::Value(value.clone(), refused))
    })
}
