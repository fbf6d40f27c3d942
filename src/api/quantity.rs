//! Kubernetes quantities as people write them: `4`, `"500m"`, `"810Gi"`.
//!
//! The meaning is that of `k8s.io/apimachinery/pkg/api/resource`: the value is exact, anything finer than 10⁻⁹ is rounded away from
//! zero, and a binary suffix saturates at 2⁶³-1.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Nano units (10⁻⁹) in one unit.
const NANOS: i128 = 1_000_000_000;

/// Nano units in one `Gi`.
const GIBI: i128 = 1_073_741_824 * NANOS;

/// The largest magnitude that a binary suffix reaches: 2⁶³-1 units, in nano units.
const BINARY_LIMIT: i128 = 9_223_372_036_854_775_807 * NANOS;

/// The pattern that Kubernetes publishes for quantities in the schemas of its own custom resources.
const PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// A Kubernetes quantity: the text as written, and its exact value.
///
/// Equality and order are those of the value, so `1` equals `1000m`; [`Quantity::as_str`] tells them apart. It deserializes from a
/// string or a number and serializes as a string: the very text written, and for a number its shortest decimal text (`0.5`, `4`).
#[derive(Clone, Debug)]
pub struct Quantity {
    text: String,
    nanos: i128,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Nothing, or something else than a number, stands in front.
    #[error("{0:?} is not a quantity: it must start with a number, as in \"4\", \"500m\" or \"80Gi\"")]
    NoNumber(String),
    /// What follows the number is neither a suffix nor an exponent.
    #[error(
        "{text:?} is not a quantity: {suffix:?} behind the number is no suffix; write one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, \
         Pi, Ei, or an exponent such as e3"
    )]
    Suffix {
        /// The whole text.
        text: String,
        /// What follows its number.
        suffix: String,
    },
    /// The value exceeds what can be counted in nano units with 127 bits, some 1.7×10²⁹ units.
    #[error("{0:?} is too large for a quantity: write less than 1e29")]
    TooLarge(String),
}

/// The same for quantities of more than nothing: some digit of the number is not 0.
const POSITIVE_PATTERN: &str =
    r"^\+?((0*[1-9][0-9]*(\.[0-9]*)?)|(0*\.0*[1-9][0-9]*))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// The same for whole numbers of units.
const WHOLE_PATTERN: &str = r"^\+?0*[1-9][0-9]*([KMGTPE]i|[kMGTPE])?$";

/// What stands behind the number of a quantity.
enum Scale {
    /// A decimal suffix or exponent: times this power of ten.
    Ten(i32),
    /// A binary suffix: times this factor, a power of two.
    Two(i128),
}

impl Quantity {
    /// So many whole units.
    pub fn units(count: u32) -> Self {
        Self { text: count.to_string(), nanos: i128::from(count).saturating_mul(NANOS) }
    }

    /// So many `Gi`.
    pub fn gibibytes(count: u32) -> Self {
        Self { text: format!("{count}Gi"), nanos: i128::from(count).saturating_mul(GIBI) }
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value, where it is a whole number of units that is not too large.
    pub fn whole(&self) -> Option<u32> {
        let units = self.nanos.checked_div(NANOS)?;
        (units.saturating_mul(NANOS) == self.nanos).then(|| u32::try_from(units).ok())?
    }

    /// The value in nano units (10⁻⁹).
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// Whether the value is greater than zero.
    pub fn is_positive(&self) -> bool {
        self.nanos > 0
    }

    /// How many times `other` is needed to reach this value.
    ///
    /// `None` when `other` is not positive, when this value is negative, or when the count exceeds 64 bits.
    pub fn div_ceil(&self, other: &Self) -> Option<u64> {
        if self.nanos < 0 || other.nanos <= 0 {
            return None;
        }
        let whole = self.nanos.checked_div(other.nanos)?;
        let rest = self.nanos.checked_rem(other.nanos)?;
        u64::try_from(whole).ok()?.checked_add(u64::from(rest > 0))
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    /// Reads a quantity in Kubernetes' syntax.
    ///
    /// # Errors
    /// When the text is not a quantity. A sign or a point without any digit, which the Go code reads as zero, is refused like the
    /// published pattern does; so is a decimal value too large for [`Quantity::nanos`].
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(QuantityError::NoNumber(text.to_owned()));
        }
        let scale = scale(suffix).ok_or_else(|| QuantityError::Suffix { text: text.to_owned(), suffix: suffix.to_owned() })?;
        let magnitude = match scale {
            Scale::Ten(exponent) => magnitude(whole, fraction, exponent, NANOS),
            Scale::Two(factor) => {
                let exact = NANOS.checked_mul(factor).and_then(|unit| magnitude(whole, fraction, 0, unit));
                Some(exact.map_or(BINARY_LIMIT, |nanos| nanos.min(BINARY_LIMIT)))
            }
        };
        let magnitude = magnitude.ok_or_else(|| QuantityError::TooLarge(text.to_owned()))?;
        let nanos = if text.starts_with('-') { magnitude.saturating_neg() } else { magnitude };
        Ok(Self { text: text.to_owned(), nanos })
    }
}

/// Splits a text behind its leading decimal digits.
pub(super) fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// What a suffix stands for; `None` when there is no such suffix.
fn scale(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "n" => Scale::Ten(-9),
        "u" => Scale::Ten(-6),
        "m" => Scale::Ten(-3),
        "" => Scale::Ten(0),
        "k" => Scale::Ten(3),
        "M" => Scale::Ten(6),
        "G" => Scale::Ten(9),
        "T" => Scale::Ten(12),
        "P" => Scale::Ten(15),
        "E" => Scale::Ten(18),
        "Ki" => Scale::Two(1 << 10),
        "Mi" => Scale::Two(1 << 20),
        "Gi" => Scale::Two(1 << 30),
        "Ti" => Scale::Two(1 << 40),
        "Pi" => Scale::Two(1 << 50),
        "Ei" => Scale::Two(1 << 60),
        exponent => Scale::Ten(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

/// `whole.fraction` × 10^`exponent` × `unit`, rounded up; `None` when that exceeds 127 bits. Both texts are decimal digits.
fn magnitude(whole: &str, fraction: &str, exponent: i32, unit: i128) -> Option<i128> {
    let digits: Vec<i128> = whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte.saturating_sub(b'0'))).collect();
    if digits.iter().all(|&digit| digit == 0) {
        return Some(0);
    }
    // The exponent moves the decimal point within (or out of) the digits.
    let point = i128::try_from(whole.len()).ok()?.checked_add(i128::from(exponent))?;
    let before = usize::try_from(point.max(0)).ok()?;

    let mut integer: i128 = 0;
    for digit in digits.iter().copied().chain(std::iter::repeat(0)).take(before) {
        integer = integer.checked_mul(10)?.checked_add(digit)?;
    }
    // From the last digit to the first: rounding up at every step gives what rounding up once at the end would.
    let mut part: i128 = 0;
    for &digit in digits.iter().skip(before).rev() {
        part = tenth(digit.checked_mul(unit)?.checked_add(part)?)?;
    }
    for _ in point..0 {
        if part <= 1 {
            break;
        }
        part = tenth(part)?;
    }
    integer.checked_mul(unit)?.checked_add(part)
}

/// A tenth of a number that is not negative, rounded up.
fn tenth(number: i128) -> Option<i128> {
    number.checked_add(9)?.checked_div(10)
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

/// Takes a string, or a number by its decimal text.
struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as \"80Gi\" or 4")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    /// The form that Kubernetes asks of a structural schema. It takes whole numbers and strings only: a fraction is written as text.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": PATTERN,
            "x-kubernetes-int-or-string": true,
        })
    }
}

/// The schema of a [`Quantity`] that must be more than nothing.
#[derive(Debug)]
pub struct PositiveQuantity;

impl JsonSchema for PositiveQuantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PositiveQuantity".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Quantity::json_schema(generator);
        schema.insert("pattern".to_owned(), POSITIVE_PATTERN.into());
        schema.insert("minimum".to_owned(), 1.into());
        schema
    }
}

/// The schema of a [`Quantity`] that counts things: a whole number of them, and more than none.
#[derive(Debug)]
pub struct WholeQuantity;

impl JsonSchema for WholeQuantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "WholeQuantity".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = PositiveQuantity::json_schema(generator);
        schema.insert("pattern".to_owned(), WHOLE_PATTERN.into());
        schema
    }
}
