//! Durations as Go writes them: `60s`, `1m30s`, `1.5h`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::quantity::split_digits;

/// The syntax, for the schema; that the length is within bounds is left to the reader.
const PATTERN: &str = r"^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";

/// A duration in the syntax of Go's `time.ParseDuration`, never negative: the text as written, and its length.
///
/// Equality and order are those of the length. It serializes as the very text written.
#[derive(Clone, Debug)]
pub struct GoDuration {
    text: String,
    length: Duration,
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A part is not a number with a unit.
    #[error("{0:?} is not a duration: write numbers with the unit ns, us, ms, s, m or h, as in \"60s\" or \"1m30s\"")]
    Syntax(String),
    /// It is less than zero.
    #[error("{0:?} is a negative duration: write \"0\" or more")]
    Negative(String),
    /// It exceeds what Go counts: 2⁶³-1 nanoseconds.
    #[error("{0:?} is too long for a duration: write at most \"2562047h\", some 292 years")]
    TooLong(String),
}

impl GoDuration {
    /// So many seconds.
    pub fn seconds(count: u32) -> Self {
        Self { text: format!("{count}s"), length: Duration::from_secs(u64::from(count)) }
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.length
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    /// Reads a duration in Go's syntax.
    ///
    /// # Errors
    /// When the text is no duration to Go, or a negative one.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let nanos = if unsigned == "0" { 0 } else { nanos(unsigned).ok_or_else(|| DurationError::Syntax(text.to_owned()))? };
        if nanos > 0 && text.starts_with('-') {
            return Err(DurationError::Negative(text.to_owned()));
        }
        let nanos = i64::try_from(nanos).ok().and_then(|nanos| u64::try_from(nanos).ok());
        let length = nanos.map(Duration::from_nanos).ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), length })
    }
}

/// The nanoseconds that one or more numbers with units add up to, saturating; `None` when the text is something else.
fn nanos(text: &str) -> Option<u128> {
    let (mut total, mut rest) = first_part(text)?;
    while !rest.is_empty() {
        let (part, behind) = first_part(rest)?;
        total = total.saturating_add(part);
        rest = behind;
    }
    Some(total)
}

/// The nanoseconds of the number with a unit that a text starts with, saturating, and what follows it.
fn first_part(text: &str) -> Option<(u128, &str)> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (unit, rest) = rest.split_at_checked(rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len()))?;
    let unit: u128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let whole = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u128::MAX) };
    Some((whole.saturating_mul(unit).saturating_add(fraction_nanos(fraction, unit)?), rest))
}

/// The whole nanoseconds in 0.`fraction` of a unit.
///
/// Go computes with floats, so that 0.3333333333333333333h is 20m; rounding to a picosecond before cutting off has that effect, but for
/// the last nanosecond of a few fractions written in picoseconds.
fn fraction_nanos(fraction: &str, unit: u128) -> Option<u128> {
    let attos: u128 = format!("{fraction:0<18.18}").parse().ok()?;
    let picos = attos.checked_mul(unit)?.checked_add(500_000_000_000_000)?.checked_div(1_000_000_000_000_000)?;
    picos.checked_div(1_000)
}

impl PartialEq for GoDuration {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length
    }
}

impl Eq for GoDuration {}

impl PartialOrd for GoDuration {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GoDuration {
    fn cmp(&self, other: &Self) -> Ordering {
        self.length.cmp(&other.length)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN})
    }
}
