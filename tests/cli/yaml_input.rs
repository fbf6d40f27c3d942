//! What YAML means: kubectl's reading of the same text is the contract.

use serde_json::{Value, json};

use super::{error, read};

/// The values that a field has when `text` is written behind `field:`: one, or none when it cannot be read.
fn field(text: &str) -> Vec<Value> {
    let manifests = read(format!("apiVersion: v1\nkind: K\nmetadata: {{name: x}}\nfield: {text}\n")).unwrap_or_default();
    manifests.iter().filter_map(|manifest| manifest.object.get("field").cloned()).collect()
}

/// Each expectation was checked against sigs.k8s.io/yaml 1.6.0, which kubectl uses.
#[test]
fn scalars_mean_what_kubectl_reads() {
    let cases = [
        ("true", json!(true), "a boolean, as in rdma: true"),
        ("\"true\"", json!("true"), "quoted, so a string"),
        ("'true'", json!("true"), "single quotes count too"),
        ("!!str true", json!("true"), "a tag counts like quotes"),
        ("yes", json!(true), "YAML 1.1 boolean"),
        ("Off", json!(false), "YAML 1.1 boolean"),
        ("y", json!(true), "YAML 1.1 boolean, also in one letter"),
        ("'y'", json!("y"), "quotes win over YAML 1.1"),
        ("", json!(null), "nothing is null"),
        ("~", json!(null), "null's short form"),
        ("NULL", json!(null), "null in capitals"),
        ("\"\"", json!(""), "an empty string is not null"),
        ("8", json!(8), "an integer"),
        ("-8", json!(-8), "a negative integer"),
        ("\"8\"", json!("8"), "quoted, so a string"),
        ("0755", json!(493), "octal as in YAML 1.1: file modes"),
        ("08", json!(8), "not octal, so decimal"),
        ("0o17", json!(15), "octal as in YAML 1.2"),
        ("0x1F", json!(31), "hexadecimal"),
        ("1_000", json!(1000), "YAML 1.1 allows underscores"),
        ("1.5", json!(1.5), "a float"),
        ("1.0", json!(1), "kubectl goes through JSON, which writes a whole float without a fraction"),
        ("1e3", json!(1000), "and this one too"),
        ("-0.0", json!(0), "there is no negative zero among integers"),
        ("1e300", json!(1e300), "beyond what an integer holds"),
        ("18446744073709551615", json!(u64::MAX), "the largest integer that is kept exactly"),
        ("18446744073709551616", json!(18_446_744_073_709_551_616.0), "one more becomes a float"),
        ("9223372036854775808.0", json!(9_223_372_036_854_775_808.0), "a whole float that is no int64 stays a float"),
        ("-9223372036854775808", json!(i64::MIN), "the smallest integer"),
        ("2001-01-01", json!("2001-01-01"), "a date is a string"),
        ("1:30", json!("1:30"), "base 60 is not read"),
        ("1.2.3", json!("1.2.3"), "a version is a string"),
        ("10.0.0.0/8", json!("10.0.0.0/8"), "an address is a string"),
        ("12Gi", json!("12Gi"), "a quantity is a string"),
        ("!custom x", json!("x"), "unknown tags are ignored"),
        ("!!binary aGVsbG8=", json!("hello"), "binary is decoded"),
        ("|\n  a\n   b\n", json!("a\n b\n"), "a literal block"),
        ("|-\n  a\n", json!("a"), "without the last line break"),
        (">\n  a\n  b\n", json!("a b\n"), "a folded block"),
        ("\"\\u00e9\\ud83d\\ude00\"", json!("é😀"), "JSON escapes with surrogates"),
        ("{a: [1, {b: c}], \"d\": }", json!({"a": [1, {"b": "c"}], "d": null}), "flow style"),
    ];
    for (text, expected, why) in cases {
        assert_eq!(field(text), [expected], "{text}: {why}");
    }
}

#[test]
fn anchors_and_merge_keys_expand() {
    let text = "\
apiVersion: v1
kind: K
metadata: {name: x}
base: &base {a: 1, b: 2}
alias: *base
merged: {<<: *base, b: 3}
both: {<<: [{c: 4}, *base]}
";
    let object = json!({
        "apiVersion": "v1", "kind": "K", "metadata": {"name": "x"},
        "base": {"a": 1, "b": 2}, "alias": {"a": 1, "b": 2}, "merged": {"a": 1, "b": 3}, "both": {"a": 1, "b": 2, "c": 4},
    });
    let objects: Vec<_> = read(text).unwrap().into_iter().map(|manifest| manifest.object).collect();
    assert_eq!(objects, [object], "an explicit key wins over a merged one, and the merge key itself is gone");
}

#[test]
fn comments_may_be_anywhere_and_long() {
    let comment = "# a licence, at length\n".repeat(200);
    let text =
        format!("{comment}apiVersion: v1\nkind:\n{comment}  K\nmetadata:\n{comment}  name: x # '\nlist:\n{comment}- 1\n{comment}- 2#3\n");
    let object = json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "x"}, "list": [1, "2#3"]});
    let objects: Vec<_> = read(text).unwrap().into_iter().map(|manifest| manifest.object).collect();
    assert_eq!(objects, [object], "a sign behind a character begins no comment");
}

#[test]
fn json_is_read_as_the_yaml_it_is() {
    let text = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\":\"K\",\n\t\"metadata\": {\"name\": \"x\"},\n\t\"url\": \"http:\\/\\/x\",\n\t\"n\": 1E2\n}\n";
    let object = json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "x"}, "url": "http://x", "n": 100});
    let objects: Vec<_> = read(text).unwrap().into_iter().map(|manifest| manifest.object).collect();
    assert_eq!(objects, [object], "tabs, escaped slashes and missing spaces are JSON");
}

#[test]
fn what_has_no_json_value_is_refused_at_its_place() {
    let head = "apiVersion: v1\nkind: K\nmetadata: {name: x}\n";
    let key =
        |value: &str| format!("<stdin>:5:3: cannot read YAML: a key is read as {value}, which is not a string: put the key in quotes");
    let cases = [
        ("a: .nan\n", "<stdin>:4:4: cannot read YAML: value `.nan` is not a finite number".into(), "JSON has no NaN"),
        ("a: [-.inf]\n", "<stdin>:4:5: cannot read YAML: value `-.inf` is not a finite number".into(), "JSON has no infinity"),
        ("a: 1e999\n", "<stdin>:4:4: cannot read YAML: value `1e999` is not a finite number".into(), "too large for a double"),
        ("a:\n  1: x\n", key("1"), "kubectl would make it a string in silence"),
        ("a:\n  y: x\n", key("true"), "kubectl would make it \"true\""),
        ("a:\n  ~: x\n", key("null"), "null is no key"),
        ("a:\n  1.5: x\n", key("1.5"), "a number is no key"),
        (
            "a:\n  [b]: x\n",
            "<stdin>:5:3: cannot read YAML: a list or mapping cannot be a key: use a string".into(),
            "YAML allows it, JSON does not",
        ),
        ("kind: L\n", "<stdin>:4:1: cannot read YAML: duplicate key \"kind\"".into(), "kubectl would take the last"),
        ("a: {b: 1, 'b': 2}\n", "<stdin>:4:11: cannot read YAML: duplicate key \"b\"".into(), "quotes make no other key"),
        ("a: *b\n", "<stdin>:4:4: cannot read YAML: reference to unknown value".into(), "an alias of nothing"),
        ("a: b: c\n", "<stdin>:4:5: cannot read YAML: mapping values are not allowed in this context".into(), "a forgotten quote"),
        (
            "a:\n\t- b\n",
            "<stdin>:5:2: cannot read YAML: tabs disallowed within this context (block indentation)".into(),
            "a tab as indentation",
        ),
    ];
    for (text, expected, why) in cases {
        assert_eq!(error(format!("{head}{text}")), expected, "{why}");
    }
    for text in ["'1': x", "\"y\": x", "? ok\n: x", "!!str 2: x"] {
        assert_eq!(error(format!("{head}{text}\n")), "", "{text}: a string is a key however it is written");
    }
}
