#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "tests: a panic is the failure, and the numbers are small"
)]

use std::cmp::Ordering;

use function_modelplane::api::quantity::{PositiveQuantity, Quantity, QuantityError};
use proptest::prelude::*;
use serde_json::json;

/// 2⁶³-1 units in nano units.
const LIMIT: i128 = 9_223_372_036_854_775_807_000_000_000;

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// `digits` × 10^`power` units in nano units.
fn nano(digits: i128, power: u32) -> i128 {
    digits * 10_i128.pow(power + 9)
}

/// The values Kubernetes' own test demands of its parser, in nano units.
fn kubernetes_values() -> Vec<(&'static str, i128)> {
    const UNIT: i128 = 1_000_000_000;
    vec![
        // zero, whatever the suffix
        ("0", 0),
        ("0n", 0),
        ("0u", 0),
        ("0m", 0),
        ("0Ki", 0),
        ("0k", 0),
        ("0Mi", 0),
        ("0M", 0),
        ("0Gi", 0),
        ("0G", 0),
        ("0Ti", 0),
        ("0T", 0),
        // no suffix
        ("1", UNIT),
        ("9", 9 * UNIT),
        // binary suffixes
        ("1Ki", UNIT << 10),
        ("8Ki", (8 * UNIT) << 10),
        ("7Mi", (7 * UNIT) << 20),
        ("6Gi", (6 * UNIT) << 30),
        ("5Ti", (5 * UNIT) << 40),
        ("4Pi", (4 * UNIT) << 50),
        ("3Ei", (3 * UNIT) << 60),
        ("10Ti", (10 * UNIT) << 40),
        ("100Ti", (100 * UNIT) << 40),
        // decimal suffixes
        ("5n", 5),
        ("4u", 4_000),
        ("3m", 3_000_000),
        ("8k", nano(8, 3)),
        ("50k", nano(5, 4)),
        ("7M", nano(7, 6)),
        ("6G", nano(6, 9)),
        ("5T", nano(5, 12)),
        ("40T", nano(4, 13)),
        ("300T", nano(3, 14)),
        ("2P", nano(2, 15)),
        ("1E", nano(1, 18)),
        // exponents, also those that no suffix stands for
        ("1E-3", 1_000_000),
        ("1e3", nano(1, 3)),
        ("1E6", nano(1, 6)),
        ("1e9", nano(1, 9)),
        ("1E12", nano(1, 12)),
        ("1e13", nano(1, 13)),
        ("1e14", nano(1, 14)),
        ("1e15", nano(1, 15)),
        ("1E18", nano(1, 18)),
        ("0.5e0", UNIT / 2),
        ("0.5e-1", 50_000_000),
        ("0.5e-2", 5_000_000),
        ("1.2e3", nano(12, 2)),
        ("1.3E+6", nano(13, 5)),
        ("1.40e9", nano(14, 8)),
        ("1.53E12", nano(153, 10)),
        ("1.6e15", nano(16, 14)),
        ("1.7E18", nano(17, 17)),
        // decimal fractions
        ("100.035k", nano(100_035, 0)),
        ("0.001", 1_000_000),
        ("0.0005k", UNIT / 2),
        ("0.005", 5_000_000),
        ("0.05", 50_000_000),
        ("0.5", UNIT / 2),
        ("0.00050k", UNIT / 2),
        ("0.00500", 5_000_000),
        ("0.05000", 50_000_000),
        ("0.50000", UNIT / 2),
        ("10.035M", nano(10_035, 3)),
        ("9.01", 9_010_000_000),
        ("8.1k", nano(81, 2)),
        ("7.123456M", nano(7_123_456, 0)),
        ("6.987654321G", nano(6_987_654_321, 0)),
        ("5.444T", nano(5_444, 9)),
        ("40.1T", nano(401, 11)),
        ("300.2T", nano(3_002, 11)),
        ("2.5P", nano(25, 14)),
        ("1.01E", nano(101, 16)),
        // finer than nano: away from zero, never to nothing
        ("3.001n", 4),
        ("1.1E-9", 2),
        ("0.0000000001", 1),
        ("0.0000000005", 1),
        ("0.00000000050", 1),
        ("0.5e-9", 1),
        ("0.9n", 1),
        ("0.00000012345", 124),
        ("0.00000012354", 124),
        // only binary suffixes saturate
        ("9Ei", LIMIT),
        ("9223372036854775807Ki", LIMIT),
        ("12E", nano(12, 18)),
        // binary fractions
        ("100.035Ki", 102_435_840_000_000),
        ("0.5Mi", (UNIT / 2) << 20),
        ("0.05Gi", 53_687_091_200_000_000),
        ("0.025Ti", 27_487_790_694_400_000_000),
        // odd, but legal
        ("0.000000000001Ki", 2),
        (".001", 1_000_000),
        (".0001k", 100_000_000),
        ("1.", UNIT),
        ("1.G", nano(1, 9)),
    ]
}

#[test]
fn values_are_those_of_kubernetes_with_any_sign() {
    for (text, nanos) in kubernetes_values() {
        assert_eq!(quantity(text).nanos(), nanos, "{text}");
        assert_eq!(quantity(&format!("+{text}")).nanos(), nanos, "+{text}");
        assert_eq!(quantity(&format!("-{text}")).nanos(), -nanos, "-{text}");
        assert_eq!(quantity(text).is_positive(), nanos > 0, "{text}");
    }
}

#[test]
fn values_beyond_the_table_are_exact() {
    let cases = [
        ("8Ei", LIMIT, "2^63 is the first binary value that saturates"),
        ("7.999999999999999999Ei", LIMIT - 152_921_504, "one 10^-18 Ei below 2^63 does not saturate"),
        ("-9Ei", -LIMIT, "saturation keeps the sign"),
        ("0.10000000000000000000000000000000000000000001", 100_000_001, "a digit far behind nano still rounds up"),
        ("0.00000000000000000000000000000000000000000001Ei", 1, "a binary fraction is not cut off before it is scaled"),
        ("1000000000000000000000000000000000000000000000000000e-51", 1_000_000_000, "more digits than 127 bits hold, scaled back"),
        ("1e-2147483648", 1, "the smallest exponent is still more than nothing"),
        ("0e2147483647", 0, "nothing stays nothing under any exponent"),
        ("0000000000000000000000000000000000000000000000000000004", 4_000_000_000, "leading zeros weigh nothing"),
        ("1e29", nano(1, 29), "a decimal value above 2^63-1 is not capped"),
    ];
    for (text, nanos, reason) in cases {
        assert_eq!(quantity(text).nanos(), nanos, "{text}: {reason}");
    }
}

#[test]
fn what_is_no_quantity_is_refused_and_named() {
    let no_number = |text: &str| QuantityError::NoNumber(text.to_owned());
    let suffix = |text: &str, suffix: &str| QuantityError::Suffix { text: text.to_owned(), suffix: suffix.to_owned() };
    let too_large = |text: &str| QuantityError::TooLarge(text.to_owned());
    let cases = [
        // Kubernetes' own list
        ("", no_number("")),
        ("1.1.M", suffix("1.1.M", ".M")),
        ("1+1.0M", suffix("1+1.0M", "+1.0M")),
        ("0.1mi", suffix("0.1mi", "mi")),
        ("0.1am", suffix("0.1am", "am")),
        ("aoeu", no_number("aoeu")),
        (".5i", suffix(".5i", "i")),
        ("1i", suffix("1i", "i")),
        ("-3.01i", suffix("-3.01i", "i")),
        ("-3.01e-", suffix("-3.01e-", "e-")),
        (" 1", no_number(" 1")),
        ("1 ", suffix("1 ", " ")),
        // ours
        ("-", no_number("-")),
        (".", no_number(".")),
        ("+.", no_number("+.")),
        ("--1", no_number("--1")),
        ("80 Gi", suffix("80 Gi", " Gi")),
        ("80GB", suffix("80GB", "GB")),
        ("80gi", suffix("80gi", "gi")),
        ("1e", suffix("1e", "e")),
        ("1e1.5", suffix("1e1.5", "e1.5")),
        ("1e2147483648", suffix("1e2147483648", "e2147483648")),
        ("1_000", suffix("1_000", "_000")),
        ("٣", no_number("٣")),
        ("1€", suffix("1€", "€")),
        ("1e30", too_large("1e30")),
        ("1e2147483647", too_large("1e2147483647")),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Quantity>().map(|parsed| parsed.nanos()), Err(error), "{text:?}");
    }
    assert_eq!(
        quantity_error("80GB"),
        "\"80GB\" is not a quantity: \"GB\" behind the number is no suffix; write one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, \
         or an exponent such as e3",
    );
}

fn quantity_error(text: &str) -> String {
    text.parse::<Quantity>().unwrap_err().to_string()
}

#[test]
fn order_and_equality_are_those_of_the_value() {
    let cases = [
        ("0", "0", Ordering::Equal, "Kubernetes' table"),
        ("100m", "50m", Ordering::Greater, "Kubernetes' table"),
        ("50m", "100m", Ordering::Less, "Kubernetes' table"),
        ("10000T", "100Gi", Ordering::Greater, "Kubernetes' table"),
        ("1", "1000m", Ordering::Equal, "two spellings of one value"),
        ("1G", "1Gi", Ordering::Less, "decimal and binary differ"),
        ("-1", "0", Ordering::Less, "a sign counts"),
    ];
    for (left, right, order, reason) in cases {
        assert_eq!(quantity(left).cmp(&quantity(right)), order, "{left} {right}: {reason}");
        assert_eq!(quantity(left) == quantity(right), order == Ordering::Equal, "{left} {right}: {reason}");
    }
}

#[test]
fn dividing_counts_how_many_are_needed() {
    let cases = [
        ("810Gi", "141Gi", Some(6), "810/141 is 5.7: six cards"),
        ("800Gi", "80Gi", Some(10), "an exact fit needs no more"),
        ("810Gi", "80G", Some(11), "a binary demand on decimal cards: 10.87"),
        ("1n", "1Ei", Some(1), "the least demand needs one"),
        ("0", "80Gi", Some(0), "no demand needs none"),
        ("810Gi", "0", None, "cards without memory"),
        ("810Gi", "-1", None, "a negative divisor"),
        ("-1", "80Gi", None, "a negative demand"),
        ("1e29", "1n", None, "more than 64 bits count"),
        ("18446744073709551615n", "1n", Some(u64::MAX), "the largest count"),
        ("36893488147419103229n", "2n", Some(u64::MAX), "the largest count, rounded up to"),
        ("18446744073709551616n", "1n", None, "one more than the largest count"),
        ("36893488147419103231n", "2n", None, "rounded up beyond the largest count"),
    ];
    for (demand, unit, count, reason) in cases {
        assert_eq!(quantity(demand).div_ceil(&quantity(unit)), count, "{demand} / {unit}: {reason}");
    }
}

#[test]
fn json_keeps_the_text_and_takes_numbers() {
    let cases = [
        (json!("810Gi"), "810Gi", "the usual form"),
        (json!("+1.50e3"), "+1.50e3", "an unusual form is not rewritten"),
        (json!(4), "4", "a whole number"),
        (json!(-4), "-4", "a negative number reads; what it is for decides whether it is refused"),
        (json!(4.0), "4", "a whole number that arrived as a double, as all numbers of a protobuf Struct do"),
        (json!(0.5), "0.5", "a fraction"),
        (json!(1e21), "1000000000000000000000", "a large double is written out"),
        (json!(u64::MAX), "18446744073709551615", "the largest integer"),
    ];
    for (value, text, reason) in cases {
        let parsed: Quantity = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"));
        assert_eq!(parsed.as_str(), text, "{value}: {reason}");
        assert_eq!(parsed.to_string(), text, "{value}: {reason}");
        assert_eq!(serde_json::to_value(&parsed).unwrap(), json!(text), "{value}: {reason}");
    }
    assert_eq!(
        serde_saphyr::from_str::<Vec<Quantity>>("[4, \"16\", 64Gi, 1e3, 0.5]").unwrap(),
        [quantity("4"), quantity("16"), quantity("64Gi"), quantity("1000"), quantity("500m")]
    );
}

#[test]
fn json_of_another_kind_is_refused() {
    let cases = [
        (json!(null), "invalid type: null, expected a quantity such as \"80Gi\" or 4"),
        (json!(true), "invalid type: boolean `true`, expected a quantity such as \"80Gi\" or 4"),
        (json!({}), "invalid type: map, expected a quantity such as \"80Gi\" or 4"),
        (json!("eighty"), "\"eighty\" is not a quantity: it must start with a number, as in \"4\", \"500m\" or \"80Gi\""),
    ];
    for (value, message) in cases {
        assert_eq!(serde_json::from_value::<Quantity>(value.clone()).unwrap_err().to_string(), message, "{value}");
    }
    let largest = serde_json::from_value::<Quantity>(json!(f64::MAX)).unwrap_err().to_string();
    assert!(largest.ends_with("is too large for a quantity: write less than 1e29"), "{largest}");
}

#[test]
fn the_schema_is_the_one_kubernetes_takes() {
    let schema = schemars::schema_for!(Vec<Quantity>);
    assert_eq!(
        schema.get("items"),
        Some(&json!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
            "x-kubernetes-int-or-string": true,
        }))
    );
}

/// What the schema says of a text that must be more than nothing.
fn schema_takes(text: &str) -> bool {
    let schema = schemars::schema_for!(Vec<PositiveQuantity>);
    let pattern = schema.pointer("/items/pattern").unwrap().as_str().unwrap();
    regex::Regex::new(pattern).unwrap().is_match(text)
}

#[test]
fn a_quantity_of_nothing_or_less_does_not_pass_the_schema_of_a_positive_one() {
    for (text, nanos) in kubernetes_values() {
        assert_eq!(schema_takes(text), nanos > 0, "{text}");
    }
    for text in ["-1", "-0.5Gi", "+0", "00.00", ".0Mi", "0e9", "much", "", " 1"] {
        assert!(!schema_takes(text), "{text}");
    }
    for text in ["+1", "007", "1.", ".5", "0.0000000000001", "10Gi", "1e-20", "100m"] {
        assert!(schema_takes(text), "{text}");
    }
}

proptest! {
    /// The schema and the function agree on what is more than nothing.
    #[test]
    fn the_schema_takes_what_is_positive(text in "[-+]?[0-2]{0,4}[.]?[0-2]{0,4}(m|k|Mi|Gi|e[0-9]|E-[0-9])?") {
        if let Ok(parsed) = text.parse::<Quantity>() {
            prop_assert_eq!(schema_takes(&text), parsed.is_positive());
        }
    }

    /// Hostile text is an answer, not a panic, and the text survives.
    #[test]
    fn any_text_is_read_or_refused(text in "[-+]?[0-9.]{0,50}[eEinumkKMGTP]{0,2}[-+]?[0-9]{0,12}|\\PC{0,20}") {
        if let Ok(parsed) = text.parse::<Quantity>() {
            prop_assert_eq!(parsed.as_str(), text.as_str());
        }
    }

    /// Whole numbers mean themselves, under every binary suffix below the limit.
    #[test]
    fn whole_binary_numbers_are_exact(number in 0_i128..1024, power in 0_u32..6) {
        let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi"][usize::try_from(power).unwrap()];
        prop_assert_eq!(quantity(&format!("{number}{suffix}")).nanos(), number * 1024_i128.pow(power) * 1_000_000_000);
    }

    /// A decimal fraction of up to nine digits is exact.
    #[test]
    fn decimal_fractions_are_exact(whole in 0_i128..1_000_000_000_000, nanos in 0_i128..1_000_000_000) {
        prop_assert_eq!(quantity(&format!("{whole}.{nanos:09}")).nanos(), whole * 1_000_000_000 + nanos);
    }
}
