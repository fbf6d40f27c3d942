#![allow(clippy::panic, clippy::unwrap_used, reason = "tests: a panic is the failure")]

use std::collections::BTreeMap;

use function_modelplane::api::selector::{LabelSelector, Mismatch, label_key_error, label_value_error};
use serde_json::json;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn every_label_that_keeps_a_match_away_is_named() {
    let mismatch = |key, wanted, actual| Mismatch { key, wanted, actual };
    let cases = [
        (vec![], vec![("a", "1")], vec![], "an empty selector matches all"),
        (vec![], vec![], vec![], "an empty selector matches what has no labels"),
        (vec![("a", "1")], vec![("a", "1"), ("b", "2")], vec![], "further labels do not matter"),
        (vec![("a", "1")], vec![], vec![mismatch("a", "1", None)], "the label is missing"),
        (vec![("a", "")], vec![], vec![mismatch("a", "", None)], "an empty value is not an absent label"),
        (vec![("a", "")], vec![("a", "")], vec![], "an empty value matches an empty value"),
        (vec![("a", "true")], vec![("a", "True")], vec![mismatch("a", "true", Some("True"))], "values are compared byte for byte"),
        (
            vec![("c", "3"), ("a", "1"), ("b", "2")],
            vec![("b", "2"), ("c", "9")],
            vec![mismatch("a", "1", None), mismatch("c", "3", Some("9"))],
            "all that differ, in the order of the keys",
        ),
    ];
    for (wanted, actual, expected, reason) in cases {
        let selector = LabelSelector { match_labels: labels(&wanted) };
        let actual = labels(&actual);
        assert_eq!(selector.missing(&actual), expected, "{reason}");
        assert_eq!(selector.matches(&actual), expected.is_empty(), "{reason}");
    }
}

#[test]
fn json_round_trips_and_refuses_what_would_be_overlooked() {
    let rdma = LabelSelector { match_labels: labels(&[("modelplane.ai/rdma", "true")]) };
    let none = LabelSelector::default();
    let cases = [
        (json!({"matchLabels": {"modelplane.ai/rdma": "true"}}), Ok(&rdma), "the usual form"),
        (json!({"matchLabels": {}}), Ok(&none), "no labels"),
        (json!({"matchLabels": null}), Ok(&none), "null is no labels, as everywhere in Kubernetes"),
        (json!({}), Ok(&none), "nothing is no labels"),
        (
            json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
            Err("unknown field `matchExpressions`, expected `matchLabels`"),
            "a selector that we cannot follow must not select everything",
        ),
        (
            json!({"matchLabels": {"modelplane.ai/rdma": true}}),
            Err("invalid type: boolean `true`, expected a string"),
            "an unquoted true is no label",
        ),
    ];
    for (value, expected, reason) in cases {
        let read = serde_json::from_value::<LabelSelector>(value.clone()).map_err(|error| error.to_string());
        assert_eq!(read.as_ref().map_err(String::as_str), expected, "{value}: {reason}");
    }
    assert_eq!(serde_json::to_value(&rdma).unwrap(), json!({"matchLabels": {"modelplane.ai/rdma": "true"}}));
    assert_eq!(serde_json::to_value(&none).unwrap(), json!({}));
}

#[test]
fn the_schema_is_structural() {
    let schema = serde_json::to_value(schemars::schema_for!(LabelSelector)).unwrap();
    assert_eq!(schema.get("additionalProperties"), None, "Kubernetes refuses `false` here");
    assert_eq!(schema.pointer("/properties/matchLabels/additionalProperties"), Some(&json!({"type": "string"})));
    assert_eq!(schema.get("required"), None, "matchLabels is optional");
}

#[test]
fn label_keys_are_those_of_kubernetes() {
    let (longest_name, longest_prefix) = ("a".repeat(63), "a".repeat(253));
    let good = [
        // Kubernetes' table for qualified names
        "simple",
        "now-with-dashes",
        "1-starts-with-num",
        "1234",
        "simple/simple",
        "now-with-dashes/simple",
        "now-with-dashes/now-with-dashes",
        "now.with.dots/simple",
        "now-with.dashes-and.dots/simple",
        "1-num.2-num/3-num",
        "1234/5678",
        "1.2.3.4/5678",
        "Uppercase_Is_OK_123",
        "example.com/Uppercase_Is_OK_123",
        "requests.storage-foo",
        &longest_name,
        &format!("{longest_prefix}/{}", "b".repeat(63)),
        // ours
        "modelplane.ai/rdma",
        "a",
        "a..b__c--d",
    ];
    for key in good {
        assert_eq!(label_key_error(key), None, "{key}");
    }
    let name = Some("the name may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit");
    let prefix = Some("the prefix before '/' must be a DNS name: lower case letters, digits, '-' and '.', as in \"example.com\"");
    let empty = Some("the name must not be empty");
    let bad = [
        // Kubernetes' table for qualified names
        ("nospecialchars%^=@", name),
        ("cantendwithadash-", name),
        ("-cantstartwithadash-", name),
        ("only/one/slash", name),
        ("Example.com/abc", prefix),
        ("example_com/abc", prefix),
        ("example.com/", empty),
        ("/simple", prefix),
        (&"a".repeat(64), Some("the name may have at most 63 characters")),
        (&format!("{}/abc", "a".repeat(254)), Some("the prefix before '/' may have at most 253 characters")),
        // ours
        ("", empty),
        ("/", prefix),
        ("a..b/c", prefix),
        ("a.-b/c", prefix),
        ("a.b-/c", prefix),
        ("simple\n", name),
        ("sïmple", name),
    ];
    for (key, error) in bad {
        assert_eq!(label_key_error(key), error, "{key}");
    }
}

#[test]
fn prefixes_are_the_dns_names_of_kubernetes() {
    let good = "a ab abc a1 a-1 a--1--2--b 0 01 012 1a 1-a 1--a--b--2 a.a ab.a abc.a a1.a a-1.a a--1--2--b.a a.1 ab.1 abc.1 a1.1 a-1.1 \
                a--1--2--b.1 0.a 01.a 012.a 1a.a 1-a.a 0.1 01.1 012.1 1a.1 1-a.1 1--a--b--2.1 a.b.c.d.e aa.bb.cc.dd.ee 1.2.3.4.5 \
                11.22.33.44.55";
    for prefix in good.split(' ') {
        assert_eq!(label_key_error(&format!("{prefix}/name")), None, "{prefix}");
    }
    let bad = [
        "",
        "A",
        "ABC",
        "aBc",
        "A1",
        "A-1",
        "1-A",
        "-",
        "a-",
        "-a",
        "1-",
        "-1",
        "_",
        "a_",
        "_a",
        "a_b",
        "1_",
        "_1",
        "1_2",
        ".",
        "a.",
        ".a",
        "a..b",
        "1.",
        ".1",
        "1..2",
        " ",
        "a ",
        " a",
        "a b",
        "1 ",
        " 1",
        "1 2",
        "A.a",
        "aB.a",
        "ab.A",
        "A1.a",
        "a1.A",
        "A.1",
        "aB.1",
        "A1.1",
        "1A.1",
        "0.A",
        "01.A",
        "012.A",
        "1A.a",
        "1a.A",
        "A.B.C.D.E",
        "AA.BB.CC.DD.EE",
        "a.B.c.d.e",
        "aa.bB.cc.dd.ee",
        "a@b",
        "a,b",
        "a;b",
        "a:b",
        "a%b",
        "a?b",
        "a$b",
    ];
    for prefix in bad {
        assert!(label_key_error(&format!("{prefix}/name")).is_some(), "{prefix:?}");
    }
}

#[test]
fn label_values_are_those_of_kubernetes() {
    for value in ["simple", "now-with-dashes", "1-starts-with-num", "end-with-num-1", "1234", &"a".repeat(63), "", "H100_80GB.x"] {
        assert_eq!(label_value_error(value), None, "{value}");
    }
    let text = Some("the value may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit");
    let bad = [
        ("nospecialchars%^=@", text),
        ("Tama-nui-te-rā.is.Māori.sun", text),
        ("\\backslashes\\are\\bad", text),
        ("-starts-with-dash", text),
        ("ends-with-dash-", text),
        (".starts.with.dot", text),
        ("ends.with.dot.", text),
        (&"a".repeat(64), Some("the value may have at most 63 characters")),
        ("a/b", text),
        (" ", text),
        ("{{x}}", text),
    ];
    for (value, error) in bad {
        assert_eq!(label_value_error(value), error, "{value}");
    }
}
