//! What is wrong with a Struct, and where.

use std::fmt::{self, Display, Write as _};

use serde::de::{Expected, Unexpected};

use crate::text::{bounded::bounded, spelling::closest};

/// What is wrong with a Struct, and where: `spec.serving[0].image: invalid type: boolean `true`, expected a string`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}{message}", if path.is_empty() { "" } else { ": " })]
pub struct StructError {
    /// The place, as in `metadata.labels["example.org/tier"][0]`. Empty for the whole.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// A [`StructError`] on its way up, gathering its path.
#[derive(Debug)]
pub(super) struct Fault {
    /// Innermost first.
    steps: Vec<Step>,
    message: String,
    /// The field that is missing, where the fault is that.
    pub(super) missing: Option<&'static str>,
    /// The field that an unknown one may be a misspelling of.
    meant: Option<&'static str>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into the field of an object.
    Key(String),
    /// Into the element of a list.
    Index(usize),
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { steps: Vec::new(), message: message.into(), missing: None, meant: None }
    }

    /// The same fault as seen from one level up.
    pub(super) fn below(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The place that it is about, outermost step first.
    pub(super) fn place(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().rev()
    }

    /// Whether a field is missing because it is misspelt in this way.
    pub(super) fn explains(&self, other: &Self) -> bool {
        self.meant.is_some() && self.meant == other.missing && self.steps.get(1..) == Some(&other.steps)
    }
}

impl From<Fault> for StructError {
    fn from(fault: Fault) -> Self {
        let mut path = String::new();
        for step in fault.place() {
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Index(index) => write!(path, "[{index}]"),
                Step::Key(key) if !is_plain(key) => write!(path, "[{key:?}]"),
                Step::Key(key) if path.is_empty() => write!(path, "{key}"),
                Step::Key(key) => write!(path, ".{key}"),
            };
        }
        Self { path: bounded(path), message: bounded(fault.message) }
    }
}

/// Whether a key can stand in a path without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!("invalid type: {}, expected {}", as_found(found), as_wanted(wanted)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let fault = Self::new(format!("unknown field, {}", instead(field, known)));
        Self { meant: closest(field, known), ..fault }.below(Step::Key(field.to_owned()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("missing field `{field}`")) }
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("unknown value `{variant}`, {}", instead(variant, known)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!("invalid value: {}, expected {}", as_found(found), as_wanted(wanted)))
    }
}

/// What somebody may have meant, else everything that there is.
fn instead(written: &str, known: &[&str]) -> String {
    if let Some(meant) = closest(written, known) {
        return format!("did you mean `{meant}`?");
    }
    let all: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    match all.as_slice() {
        [] => "there are none".to_owned(),
        [only] => format!("expected {only}"),
        _ => format!("expected one of {}", all.join(", ")),
    }
}

/// What was found in the words of those who write YAML, where serde has those of Rust.
fn as_found(found: Unexpected<'_>) -> String {
    if let Unexpected::Float(number) = found {
        return format!("number `{number:?}`");
    }
    let words = [(Unexpected::Unit, "null"), (Unexpected::Map, "object"), (Unexpected::Seq, "list")];
    words.iter().find(|(rust, _)| *rust == found).map_or_else(|| found.to_string(), |(_, word)| (*word).to_owned())
}

/// What was wanted, in the same words.
fn as_wanted(wanted: &dyn Expected) -> String {
    let wanted = wanted.to_string();
    let words = match wanted.as_str() {
        "a map" => "an object",
        "a sequence" => "a list",
        "f32" | "f64" => "a number",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "isize" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of 0 or more",
        rust if rust.starts_with("struct ") => "an object",
        _ => return wanted,
    };
    words.to_owned()
}
