//! Which words vLLM's parser takes for an option's value, as Python reads numbers and JSON.

use serde::de::IgnoredAny;

use super::options::{Bounds, Row, Type};
use super::release::Release;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refused {
    /// It is not of the type.
    Type(Type),
    /// It is none of these.
    Choice(Vec<String>),
    /// It is a number outside of these.
    Bounds(Bounds),
}

/// Why the parser of a release, or of any with the row, refuses a value; `None` where it takes it, or nobody knows here.
pub(super) fn refused(row: &Row, release: Option<Release>, value: &str) -> Option<Refused> {
    if row.optional && ["", "None"].contains(&value) {
        return None;
    }
    let kind = row.kind?;
    if !is_of(kind, value) {
        return Some(Refused::Type(kind));
    }
    let choices = row.choices(release);
    if choices.is_empty() || is_choice(row, &choices, value) {
        return None;
    }
    Some(Refused::Choice(choices.into_iter().map(str::to_owned).collect()))
}

/// Whether a value that the parser takes is outside the bounds of its field, for which the engine exits a little later.
pub(super) fn out_of_bounds(row: &Row, value: &str) -> Option<Refused> {
    let Bounds { ge, gt, le, lt } = row.bounds;
    let number = match row.kind? {
        // With a letter behind it, it is larger than anything from above which a bound keeps it.
        Type::Integer | Type::IntegerOrObject | Type::Number | Type::Count | Type::CountOrAuto => number(value)?,
        Type::Text | Type::TextOrObject | Type::Json | Type::Object => return None,
    };
    let inside = ge.is_none_or(|least| number >= least)
        && gt.is_none_or(|least| number > least)
        && le.is_none_or(|most| number <= most)
        && lt.is_none_or(|most| number < most);
    (!inside).then_some(Refused::Bounds(row.bounds))
}

fn is_choice(row: &Row, choices: &[&str], value: &str) -> bool {
    // What is nothing is a choice only of some.
    if ["", "None"].contains(&value) {
        return true;
    }
    if row.kind == Some(Type::Integer) {
        return choices.iter().any(|choice| count(choice) == count(value));
    }
    if row.folds { choices.contains(&value.to_lowercase().replace('-', "_").as_str()) } else { choices.contains(&value) }
}

/// Whether a value is of a type; also where that is not certain.
fn is_of(kind: Type, value: &str) -> bool {
    // Python reads digits of every script.
    let foreign = !value.is_ascii();
    match kind {
        Type::Text => true,
        Type::Integer => foreign || digits(value).is_some(),
        Type::IntegerOrObject => foreign || digits(value).is_some() || (value.trim().starts_with('{') && may_be_json(value)),
        Type::Number => foreign || number(value).is_some(),
        Type::Count => foreign || count(value).is_some(),
        Type::CountOrAuto => foreign || count(value).is_some() || value.trim().eq_ignore_ascii_case("auto"),
        Type::Json => may_be_json(value),
        Type::Object => value.trim().starts_with('{') && may_be_json(value),
        Type::TextOrObject => {
            let trimmed = value.trim();
            !(trimmed.starts_with('{') && trimmed.ends_with('}')) || may_be_json(value)
        }
    }
}

/// Whether Python may read a text as JSON.
fn may_be_json(text: &str) -> bool {
    is_vague(text) || serde_json::from_str::<IgnoredAny>(&without_unit_suffixes(text)).is_ok()
}

/// Whether a text may hold what only one of the two readers of JSON takes: Python's numbers, halves of characters, and depth.
fn is_vague(text: &str) -> bool {
    let deep = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > 100;
    deep || ["NaN", "Infinity", "\\u"].iter().any(|word| text.contains(word))
}

/// A whole number, as Python's `int` takes it; `None` where it is none, or gets too large.
pub(crate) fn integer(value: &str) -> Option<i64> {
    digits(value)?.parse().ok()
}

/// The digits of a whole number and its sign: space may be around them, and single underscores between.
fn digits(value: &str) -> Option<String> {
    let text = value.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let groups = unsigned.split('_').all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    groups.then(|| text.replace(['_', '+'], ""))
}

/// A number, as Python's `float` takes it.
fn number(value: &str) -> Option<f64> {
    let text = value.trim();
    // An underscore stands between two digits.
    let well_spaced = text.split('_').collect::<Vec<_>>().windows(2).all(|pair| match pair {
        [before, after] => before.ends_with(|c: char| c.is_ascii_digit()) && after.starts_with(|c: char| c.is_ascii_digit()),
        _ => true,
    });
    text.replace('_', "").parse().ok().filter(|_| well_spaced)
}

/// A whole number, perhaps with a letter: `1k` is a thousand, `1K` 1024, and only the small letters follow a fraction.
pub(super) fn count(value: &str) -> Option<i64> {
    let text = value.trim();
    let Some((number, power, base)) = text.char_indices().next_back().and_then(|(at, letter)| {
        let (power, base) = match letter {
            'k' => (1, 1000),
            'm' => (2, 1000),
            'g' => (3, 1000),
            't' => (4, 1000),
            'K' => (1, 1024),
            'M' => (2, 1024),
            'G' => (3, 1024),
            'T' => (4, 1024),
            _ => return None,
        };
        Some((text.get(..at)?, power, base))
    }) else {
        return integer(text);
    };
    let only_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let factor = i64::checked_pow(base, power)?;
    match number.split_once('.') {
        None if only_digits(number) => number.parse::<i64>().ok()?.checked_mul(factor),
        Some((whole, fraction)) if base == 1000 && only_digits(whole) && only_digits(fraction) => {
            let places = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            let part = fraction.parse::<i64>().ok()?.checked_mul(factor)?.checked_div(places)?;
            whole.parse::<i64>().ok()?.checked_mul(factor)?.checked_add(part)
        }
        None | Some(_) => None,
    }
}

/// JSON without the letter behind a number that stands for a thousand and so on, which vLLM reads since 0.20.
pub(super) fn without_unit_suffixes(text: &str) -> String {
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
