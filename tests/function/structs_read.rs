//! Reading a Struct into types.

use std::collections::BTreeMap;

use function_modelplane::structs::{from_struct, to_struct};
use prost::Message as _;
use prost_types::Struct;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::wire::{entry, field, json_object, list, nested, number, object, string};

/// A type with a field of each form that a type for a Kubernetes object has.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Deployment<'a> {
    #[serde(borrow)]
    name: &'a str,
    labels: BTreeMap<Name, String>,
    spec: Option<Spec>,
    size: Option<(u8, i16)>,
    extra: Option<Flat>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Spec {
    replicas: u32,
    serving: Vec<Serving>,
    #[serde(default)]
    scaling: Option<Scaling>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Serving {
    image: String,
    #[serde(default)]
    spot: bool,
    #[serde(default)]
    weight: f64,
    #[serde(default)]
    port: Option<Port>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Name(String);

#[derive(Debug, PartialEq, Deserialize)]
enum Scaling {
    Fixed,
    Range { min: u8, max: u8 },
    Pair(u8, u8),
    Target(u8),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Name(String),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    kind: String,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, String> {
    from_struct(bytes).map_err(|error| error.to_string())
}

#[test]
fn every_form_of_type_is_read() {
    let bytes = to_struct(&json!({
        "name": "llama",
        "labels": {"b": "2", "a": "1"},
        "spec": {
            "replicas": 3,
            "ignored": {"a": [1, 2]},
            "scaling": "Fixed",
            "serving": [{"image": "a", "spot": true, "weight": 1, "port": 80}, {"image": "b", "weight": 0.5, "port": "http"}, {"image": "", "port": null}],
        },
        "size": [255, -3],
        "extra": {"kind": "x", "y": 1, "z": -1},
    }))
    .unwrap();
    let serving = |image: &str, spot, weight, port| Serving { image: image.to_owned(), spot, weight, port };
    let deployment = Deployment {
        name: "llama",
        labels: [("a", "1"), ("b", "2")].map(|(key, value)| (Name(key.to_owned()), value.to_owned())).into(),
        spec: Some(Spec {
            replicas: 3,
            scaling: Some(Scaling::Fixed),
            serving: vec![
                serving("a", true, 1.0, Some(Port::Number(80))),
                serving("b", false, 0.5, Some(Port::Name("http".to_owned()))),
                serving("", false, 0.0, None),
            ],
        }),
        size: Some((255, -3)),
        extra: Some(Flat { kind: "x".to_owned(), rest: [("y".to_owned(), 1), ("z".to_owned(), -1)].into() }),
    };
    assert_eq!(read(&bytes), Ok(deployment));
    assert_eq!(read(&[]), Ok(Deployment::default()), "an empty message is an empty object");
}

#[test]
fn a_variant_is_a_string_or_an_object_with_one_field() {
    let cases = [
        (json!("Fixed"), Ok(Scaling::Fixed)),
        (json!({"Fixed": null}), Ok(Scaling::Fixed)),
        (json!({"Target": 7}), Ok(Scaling::Target(7))),
        (json!({"Pair": [1, 2]}), Ok(Scaling::Pair(1, 2))),
        (json!({"Range": {"min": 1, "max": 2}}), Ok(Scaling::Range { min: 1, max: 2 })),
        (json!("Auto"), Err("a: unknown value `Auto`, expected one of `Fixed`, `Range`, `Pair`, `Target`")),
        (json!({"Auto": 1}), Err("a: unknown value `Auto`, expected one of `Fixed`, `Range`, `Pair`, `Target`")),
        (json!({}), Err("a: expected an object with one field, one of `Fixed`, `Range`, `Pair`, `Target`")),
        (json!({"Target": 1, "Fixed": null}), Err("a: expected an object with one field, one of `Fixed`, `Range`, `Pair`, `Target`")),
        (json!(7), Err("a: invalid type: integer `7`, expected one of `Fixed`, `Range`, `Pair`, `Target`")),
        (json!({"Target": "x"}), Err("a.Target: invalid type: string \"x\", expected a whole number from 0 to 255")),
        (
            json!({"Range": {"min": 1, "max": true}}),
            Err("a.Range.max: invalid type: boolean `true`, expected a whole number from 0 to 255"),
        ),
        (json!({"Pair": [1, 2, 3]}), Err("a.Pair: invalid length: more than the 2 elements expected")),
    ];
    for (value, expected) in cases {
        let bytes = to_struct(&json!({"a": value})).unwrap();
        let found = read::<BTreeMap<&str, Scaling>>(&bytes).map(|mut map| map.remove("a").unwrap());
        assert_eq!(found, expected.map_err(str::to_owned), "{value}");
    }
}

#[test]
fn an_error_says_where_and_what_in_the_words_of_yaml() {
    let spec = |serving: Value| json!({"spec": {"replicas": 1, "serving": serving}});
    let cases = [
        (
            "a boolean for a string",
            spec(json!([{"image": true}])),
            "spec.serving[0].image: invalid type: boolean `true`, expected a string",
        ),
        (
            "null for a string",
            spec(json!([{"image": "a"}, {"image": null}])),
            "spec.serving[1].image: invalid type: null, expected a string",
        ),
        ("an object for a string", spec(json!([{"image": {}}])), "spec.serving[0].image: invalid type: object, expected a string"),
        ("a list for a string", spec(json!([{"image": []}])), "spec.serving[0].image: invalid type: list, expected a string"),
        ("a string for a list", spec(json!("x")), "spec.serving: invalid type: string \"x\", expected a list"),
        ("a string for an object", json!({"spec": "x"}), "spec: invalid type: string \"x\", expected an object"),
        ("a list is no object, though serde's derive takes it", json!({"spec": [1, []]}), "spec: invalid type: list, expected an object"),
        (
            "a string for a number",
            spec(json!([{"image": "", "weight": "1"}])),
            "spec.serving[0].weight: invalid type: string \"1\", expected a number",
        ),
        ("a list that is too short", json!({"size": [1]}), "size: invalid length 1, expected a tuple of size 2"),
        ("a list that is too long", json!({"size": [1, 2, 3]}), "size: invalid length: more than the 2 elements expected"),
        ("a missing field", json!({"spec": {"serving": []}}), "spec: missing field `replicas`"),
        ("an unknown field", json!({"nmae": "x"}), "nmae: unknown field, did you mean `name`?"),
        (
            "out of range",
            json!({"spec": {"replicas": -1}}),
            "spec.replicas: invalid value: integer `-1`, expected a whole number from 0 to 4294967295",
        ),
        (
            "not whole",
            json!({"spec": {"replicas": 1.5}}),
            "spec.replicas: invalid type: number `1.5`, expected a whole number from 0 to 4294967295",
        ),
        (
            "not whole for all we know",
            json!({"spec": {"replicas": 1e300}}),
            "spec.replicas: invalid type: number `1e300`, expected a whole number from 0 to 4294967295",
        ),
        (
            "a key that would blur the path is quoted",
            json!({"labels": {"example.org/tier": 1}}),
            "labels[\"example.org/tier\"]: invalid type: integer `1`, expected a string",
        ),
        (
            "so is one that would break it",
            json!({"labels": {"a\"\n": 1}}),
            "labels[\"a\\\"\\n\"]: invalid type: integer `1`, expected a string",
        ),
        ("so is an empty one", json!({"labels": {"": 1}}), "labels[\"\"]: invalid type: integer `1`, expected a string"),
        ("one with a dash is not", json!({"labels": {"a-b_c9": 1}}), "labels.a-b_c9: invalid type: integer `1`, expected a string"),
        (
            "of two errors the one under the first key",
            json!({"labels": {"b": 1, "a": 2}}),
            "labels.a: invalid type: integer `2`, expected a string",
        ),
    ];
    for (why, value, expected) in cases {
        let bytes = to_struct(&value).unwrap();
        assert_eq!(read::<Deployment>(&bytes).unwrap_err(), expected, "{why}");
    }
}

#[test]
fn of_two_errors_the_one_under_the_first_key_is_told_whatever_order_they_come_in() {
    let (a, b) = (entry("a", &number(1.0)), entry("b", &number(2.0)));
    for bytes in [[a.clone(), b.clone()].concat(), [b, a].concat()] {
        assert_eq!(read::<BTreeMap<String, String>>(&bytes), Err("a: invalid type: integer `1`, expected a string".to_owned()));
    }
}

#[test]
fn an_error_is_short_however_long_what_it_quotes() {
    let long = "ä".repeat(100_000);
    let bytes = to_struct(&json!({&long: {"a": 1}, "spec": 1})).unwrap();
    let error = from_struct::<BTreeMap<&str, BTreeMap<&str, &str>>>(&bytes).unwrap_err();
    assert_eq!((error.path.as_str(), error.message.as_str()), ("spec", "invalid type: integer `1`, expected an object"));
    let bytes = to_struct(&json!({&long: {"a": 1}})).unwrap();
    let error = from_struct::<BTreeMap<&str, BTreeMap<&str, &str>>>(&bytes).unwrap_err();
    assert_eq!(error.path.chars().count(), 1025);
    assert_eq!(error.message, "invalid type: integer `1`, expected a borrowed string");
    let bytes = to_struct(&json!({"spec": long})).unwrap();
    let error = from_struct::<Deployment>(&bytes).unwrap_err();
    assert_eq!((error.path.as_str(), error.message.chars().count()), ("spec", 1025));
}

#[test]
fn numbers() {
    let two_53 = 9_007_199_254_740_992.0_f64;
    let cases: [(&str, f64, &str, Option<i64>); 14] = [
        ("zero", 0.0, "0", Some(0)),
        ("negative zero is zero", -0.0, "0", Some(0)),
        ("one", 1.0, "1", Some(1)),
        ("negative", -1.0, "-1", Some(-1)),
        ("a fraction", 0.5, "0.5", None),
        ("a tiny one", 5e-324, "5e-324", None),
        ("32 bits", 4_294_967_296.0, "4294967296", Some(4_294_967_296)),
        ("the last exact integer", two_53, "9007199254740992", Some(9_007_199_254_740_992)),
        ("the first exact integer", -two_53, "-9007199254740992", Some(-9_007_199_254_740_992)),
        ("one past it could be another", two_53 + 2.0, "9007199254740994.0", None),
        ("one before it, too", -two_53 - 2.0, "-9007199254740994.0", None),
        ("beyond 64 bits", 1e20, "1e20", None),
        ("the largest", f64::MAX, "1.7976931348623157e308", None),
        ("the smallest", f64::MIN, "-1.7976931348623157e308", None),
    ];
    for (why, value, printed, integer) in cases {
        let bytes = entry("n", &number(value));
        assert_eq!(read::<Value>(&bytes).unwrap()["n"].to_string().replace("e+", "e"), printed, "{why}");
        assert_eq!(read::<BTreeMap<&str, i64>>(&bytes).ok().map(|map| map["n"]), integer, "{why}");
        assert_eq!(read::<BTreeMap<&str, f64>>(&bytes).unwrap()["n"].to_string(), (value + 0.0).to_string(), "{why}");
    }
    for (value, printed) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let bytes = entry("a", &list(&[string("x"), number(value)]));
        let expected = format!("a[1]: invalid value: {printed}, expected a finite number");
        assert_eq!(read::<Value>(&bytes), Err(expected), "JSON has no such number");
    }
}

#[test]
fn the_last_of_several_counts() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Named<'a> {
        name: &'a str,
    }
    let both = |first: &[u8], second: &[u8]| [first, second].concat();
    let many = |last: &[u8]| {
        let filler: Vec<u8> = (0..100).flat_map(|index| entry(&format!("k{index}"), &number(0.0))).collect();
        [entry("name", &string("first")), filler.clone(), entry("name", &string("second")), filler, entry("name", last)].concat()
    };
    let twice = entry("o", &both(&object(&[entry("a", &number(1.0))]), &object(&[entry("b", &number(2.0))])));
    assert_eq!(json_object(&Struct::decode(&*twice).unwrap()), json!({"o": {"a": 1, "b": 2}}), "so do the official types");
    let cases = [
        ("a key twice", both(&entry("name", &string("a")), &entry("name", &string("b"))), json!({"name": "b"})),
        ("a key twice with null last", both(&entry("name", &string("a")), &entry("name", &[0x08, 0])), json!({"name": null})),
        ("a kind twice", entry("name", &both(&string("a"), &string("b"))), json!({"name": "b"})),
        ("two kinds", entry("name", &both(&object(&[]), &string("b"))), json!({"name": "b"})),
        ("two kinds the other way", entry("name", &both(&string("b"), &list(&[]))), json!({"name": []})),
        ("an object twice, though protobuf would merge the two: no encoder writes that", twice.clone(), json!({"o": {"b": 2}})),
        (
            "an entry's key and value twice",
            field(1, &[field(2, &string("a")), field(1, b"x"), field(1, b"name"), field(2, &string("b"))].concat()),
            json!({"name": "b"}),
        ),
    ];
    for (why, bytes, expected) in cases {
        assert_eq!(read::<Value>(&bytes), Ok(expected), "{why}");
    }

    assert_eq!(read(&many(&string("third"))), Ok(Named { name: "third" }), "a derived type would refuse a second `name`");
    assert_eq!(read::<BTreeMap<&str, Value>>(&many(&string("third"))).unwrap().len(), 101);
}

#[test]
fn what_is_not_there_has_a_meaning() {
    let cases = [
        ("a value without a kind is null", entry("a", &[]), json!({"a": null})),
        ("an entry without a value, too", field(1, &field(1, b"a")), json!({"a": null})),
        ("an entry without a key has the empty key", field(1, &field(2, &string("x"))), json!({"": "x"})),
        ("an entry without either", field(1, &[]), json!({"": null})),
        ("an element without a kind is null", entry("a", &list(&[vec![], string("x")])), json!({"a": [null, "x"]})),
        ("the enum of null has other values for a newer sender", entry("a", &[0x08, 0x07]), json!({"a": null})),
        ("true is what is not zero", entry("a", &[0x20, 0x02]), json!({"a": true})),
        ("false", entry("a", &[0x20, 0x00]), json!({"a": false})),
        ("a length need not be minimal", vec![0x0a, 0x85, 0x80, 0x00, 0x0a, 0x01, b'a', 0x12, 0x00], json!({"a": null})),
    ];
    for (why, bytes, expected) in cases {
        assert_eq!(read::<Value>(&bytes), Ok(expected), "{why}");
    }
}

#[test]
fn unknown_fields_are_skipped_at_every_level() {
    // Fields 2047 of each wire type, and a known number with another wire type, which is an unknown field.
    let unknown = [
        &[0xf8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..],
        &[0xf9, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xfa, 0x7f, 3, 0xff, 0xff, 0xff],
        &[0xfd, 0x7f, 1, 2, 3, 4],
        // A group with a field of each wire type, among them a group of the same number.
        &[0xfb, 0x7f, 0x08, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, 0xff, 0xfb, 0x7f, 0xfc, 0x7f, 0x25, 1, 2, 3, 4, 0xfc, 0x7f],
        &[0x0b, 0x0c],
        &[0x0d, 1, 2, 3, 4],
        &[0x15, 1, 2, 3, 4],
        // Tags that are Struct's in their lowest byte only.
        &[0x8a, 0x02, 0],
        &[0x9a, 0x02, 1, b'?'],
    ]
    .concat();
    let around = |message: &[u8]| [&unknown[..], message, &unknown].concat();
    let value = |kind: Vec<u8>| around(&kind);
    let element = field(1, &value(string("x")));
    let inner = field(1, &around(&[field(1, b"b"), field(2, &value(field(6, &around(&element))))].concat()));
    let outer = field(1, &around(&[field(1, b"a"), field(2, &value(field(5, &around(&inner))))].concat()));
    assert_eq!(read::<Value>(&around(&outer)), Ok(json!({"a": {"b": ["x"]}})));
}

#[test]
fn groups_may_lie_in_each_other() {
    let around_x = |depth: usize| [vec![0x7b; depth], vec![0x7c; depth], entry("a", &string("x"))].concat();
    for depth in [1, 2, 99, 128] {
        assert_eq!(read::<Value>(&around_x(depth)), Ok(json!({"a": "x"})), "{depth}");
    }
    assert_eq!(json_object(&Struct::decode(&*around_x(99)).unwrap()), json!({"a": "x"}), "the official types take some, too");
}

#[test]
fn strings_are_borrowed() {
    let bytes = to_struct(&json!({"name": "llama", "labels": {}})).unwrap();
    let deployment: Deployment = from_struct(&bytes).unwrap();
    assert!(bytes.as_ptr_range().contains(&deployment.name.as_ptr()));
}

#[test]
fn what_is_ignored_is_not_parsed() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Named<'a> {
        name: &'a str,
        skipped: Option<IgnoredAny>,
        #[serde(default)]
        skipped_too: IgnoredAny,
    }
    let garbage: &[&[u8]] = &[
        &[0xff; 20],
        &[0x1a, 0x7f],
        &string("\u{0}"),
        &field(3, &[0xc3, 0x28]),
        &field(5, &[0xff, 0xff]),
        &field(6, &[0x0b]),
        &number(f64::NAN),
        &object(&[entry("x", &number(f64::INFINITY))]),
        &field(5, &nested(10_000, false)),
    ];
    for garbage in garbage {
        let bytes = [entry("aaa", garbage), entry("name", &string("llama")), entry("skipped_too", garbage), entry("zzz", garbage)].concat();
        let expected = Named { name: "llama", skipped: None, skipped_too: IgnoredAny };
        assert_eq!(read(&bytes), Ok(expected), "{garbage:?}");
    }
}

#[test]
fn a_kubernetes_type_is_read_and_written() {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "creationTimestamp": "2025-01-02T03:04:05Z", "generation": 3, "labels": {"a.b/c": "d"}},
        "spec": {"containers": [{
            "name": "main",
            "ports": [{"containerPort": 8000}],
            "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 10},
            "readinessProbe": {"tcpSocket": {"port": 8000}},
            "resources": {"limits": {"cpu": "4", "nvidia.com/gpu": "8"}},
        }]},
    });
    let bytes = to_struct(&pod).unwrap();
    let typed: k8s_openapi::api::core::v1::Pod = from_struct(&bytes).unwrap();
    assert_eq!(read::<Value>(&to_struct(&typed).unwrap()), Ok(pod));
}
