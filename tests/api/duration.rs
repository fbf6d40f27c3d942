#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "tests: a panic is the failure, and the numbers are small"
)]

use std::time::Duration;

use function_modelplane::api::duration::{DurationError, GoDuration};
use proptest::prelude::*;
use serde_json::json;

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// The longest duration Go counts, in nanoseconds.
const LONGEST: u64 = 9_223_372_036_854_775_807;

#[test]
fn lengths_are_those_of_go() {
    let cases = [
        // Go's table, without the negative ones
        ("0", 0),
        ("5s", 5 * SECOND),
        ("30s", 30 * SECOND),
        ("1478s", 1478 * SECOND),
        ("+5s", 5 * SECOND),
        ("-0", 0),
        ("+0", 0),
        ("5.0s", 5 * SECOND),
        ("5.6s", 5 * SECOND + 600 * MILLI),
        ("5.s", 5 * SECOND),
        (".5s", 500 * MILLI),
        ("1.0s", SECOND),
        ("1.00s", SECOND),
        ("1.004s", SECOND + 4 * MILLI),
        ("1.0040s", SECOND + 4 * MILLI),
        ("100.00100s", 100 * SECOND + MILLI),
        ("10ns", 10),
        ("11us", 11_000),
        ("12\u{b5}s", 12_000),
        ("12\u{3bc}s", 12_000),
        ("13ms", 13 * MILLI),
        ("14s", 14 * SECOND),
        ("15m", 15 * MINUTE),
        ("16h", 16 * HOUR),
        ("3h30m", 3 * HOUR + 30 * MINUTE),
        ("10.5s4m", 4 * MINUTE + 10 * SECOND + 500 * MILLI),
        ("1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SECOND + 4 * MILLI + 5_006),
        ("39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14 * SECOND + 425 * MILLI),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 20 * MINUTE),
        ("9007199254740993ns", (1 << 53) + 1),
        ("9223372036854775807ns", LONGEST),
        ("9223372036854775.807us", LONGEST),
        ("9223372036s854ms775us807ns", LONGEST),
        ("0.100000000000000000000h", 6 * MINUTE),
        ("0.830103483285477580700h", 49 * MINUTE + 48 * SECOND + 372_539_827),
        // ours
        ("60s", MINUTE),
        ("1m30s", 90 * SECOND),
        ("1.5h", 90 * MINUTE),
        ("300ms", 300 * MILLI),
        ("-0s", 0),
        ("0.9ns", 0),
        ("00000000000000000000000000000000000000000000000000005s", 5 * SECOND),
        ("2562047h47m16.854775807s", LONGEST),
    ];
    for (text, nanos) in cases {
        let parsed: GoDuration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed.length(), Duration::from_nanos(nanos), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_and_named() {
    // Go's table, without the texts that are no Unicode, and ours.
    for text in [
        "",
        "3",
        "-",
        "s",
        ".",
        "-.",
        ".s",
        "+.s",
        "1d",
        "\u{fffd}",
        "\u{fffd} hello \u{fffd} world",
        "60",
        "+",
        "--5s",
        "1m 30s",
        " 1s",
        "1s ",
        "1 s",
        "1S",
        "s1",
        "1s2",
        "1.2.3s",
        "1e3s",
        "٣s",
        "1s-2s",
        "infs",
    ] {
        assert_eq!(text.parse::<GoDuration>(), Err(DurationError::Syntax(text.to_owned())), "{text:?}");
    }
    for text in [
        "9223372036854775810ns",
        "9223372036854775808ns",
        "9223372036854776us",
        "3000000h",
        "9223372036854775.808us",
        "9223372036854ms775us808ns",
        "99999999999999999999999999999999999999999999999999h99999999999999999999999999999999999999999999999999h",
    ] {
        assert_eq!(text.parse::<GoDuration>(), Err(DurationError::TooLong(text.to_owned())), "{text}");
    }
    for text in ["-5s", "-2m3.4s", "-1ns", "-9223372036854775808ns", "-9223372036854775809ns", "-2562047h47m16.854775808s"] {
        assert_eq!(text.parse::<GoDuration>(), Err(DurationError::Negative(text.to_owned())), "{text}");
    }
}

#[test]
fn json_keeps_the_text() {
    let parsed: GoDuration = serde_json::from_value(json!("+1.50m")).unwrap();
    assert_eq!((parsed.as_str(), parsed.length()), ("+1.50m", Duration::from_secs(90)));
    assert_eq!(serde_json::to_value(&parsed).unwrap(), json!("+1.50m"));
    assert_eq!(parsed.to_string(), "+1.50m");
    assert_eq!(parsed, "90s".parse().unwrap(), "equality is that of the length");
    assert!(parsed < "91s".parse().unwrap(), "and so is order");
    let errors = [
        (json!(60), "invalid type: integer `60`, expected a string"),
        (json!("60"), "\"60\" is not a duration: write numbers with the unit ns, us, ms, s, m or h, as in \"60s\" or \"1m30s\""),
        (json!("-60s"), "\"-60s\" is a negative duration: write \"0\" or more"),
        (json!("3000000h"), "\"3000000h\" is too long for a duration: write at most \"2562047h\", some 292 years"),
    ];
    for (value, message) in errors {
        assert_eq!(serde_json::from_value::<GoDuration>(value.clone()).unwrap_err().to_string(), message, "{value}");
    }
}

#[test]
fn the_schema_is_a_string_of_that_syntax() {
    assert_eq!(
        schemars::schema_for!(Vec<GoDuration>).get("items"),
        Some(&json!({"type": "string", "pattern": r"^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"}))
    );
}

proptest! {
    /// Hostile text is an answer, not a panic, and the text survives.
    #[test]
    fn any_text_is_read_or_refused(text in "[-+]?([0-9]{0,40}[.]?[0-9]{0,40}(ns|us|µs|ms|s|m|h)){0,4}|\\PC{0,20}") {
        if let Ok(parsed) = text.parse::<GoDuration>() {
            prop_assert_eq!(parsed.as_str(), text.as_str());
        }
    }

    /// Parts add up.
    #[test]
    fn parts_add_up(hours in 0_u64..1_000_000, minutes in 0_u64..1000, nanos in 0_u64..SECOND) {
        let parsed: GoDuration = format!("{hours}h{minutes}m0.{nanos:09}s").parse().unwrap();
        prop_assert_eq!(parsed.length(), Duration::from_nanos(hours * HOUR + minutes * MINUTE + nanos));
    }
}
