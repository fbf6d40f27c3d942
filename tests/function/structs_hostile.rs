//! Bytes that nobody well-meaning sends. What is asserted is mostly that a result, any result, comes back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test data is small, and a test's own functions may panic as the test may"
)]

use std::collections::BTreeMap;

use function_modelplane::structs::{from_struct, to_struct};
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message as _;
use prost_types::Struct;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::structs_properties::any_object;
use super::wire::{self, entry, field, list, nested, number, object, string};

/// Fields of every form; few are required, so that a good part of the input is read.
#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(dead_code, reason = "only read into")]
struct Typed<'a> {
    a: Option<&'a str>,
    b: Vec<Typed<'a>>,
    c: BTreeMap<String, Tagged>,
    d: Option<(u8, f32)>,
    #[serde(borrow)]
    e: Option<std::borrow::Cow<'a, str>>,
    f: IgnoredAny,
    g: Option<Box<Typed<'a>>>,
    h: Option<char>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read into")]
enum Tagged {
    A,
    B(u8),
    C { a: i32 },
    D(bool, String),
}

fn read_as_everything(bytes: &[u8]) {
    let _ = from_struct::<Value>(bytes);
    let _ = from_struct::<Typed>(bytes);
    let _ = from_struct::<IgnoredAny>(bytes);
    let _ = from_struct::<Tagged>(bytes);
    let _ = from_struct::<Vec<u8>>(bytes);
    let _ = from_struct::<BTreeMap<&str, Tagged>>(bytes);
    let _ = from_struct::<k8s_openapi::api::core::v1::Pod>(bytes);
}

/// An object with the fields of [`Typed`].
fn typed_object() -> impl Strategy<Value = Value> {
    any_object().prop_map(|any| {
        json!({
            "a": "x", "b": [{"a": null, "b": []}, {"d": [1, 2]}], "c": {"k": "A", "l": {"B": 1}, "m": {"C": {"a": -1}}, "n": {"D": [true, ""]}},
            "d": [1, 0.5], "e": "y", "f": any, "g": {"g": {"h": "z"}}, "other": any,
        })
    })
}

/// Changes to bytes: where, how, with what.
fn changes() -> impl Strategy<Value = Vec<(Index, u8, u8)>> {
    proptest::collection::vec((any::<Index>(), 0_u8..5, any::<u8>()), 1..6)
}

fn change(bytes: &mut Vec<u8>, changes: &[(Index, u8, u8)]) {
    for (index, how, with) in changes {
        let at = index.index(bytes.len() + 1);
        match how {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, *with),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << (with % 8),
            4 if at < bytes.len() => bytes[at] = *with,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&bytes);
    }

    /// Bytes that are nearly all tags of Struct and small lengths get further than any.
    #[test]
    fn arbitrary_tags_never_panic(
        bytes in proptest::collection::vec(proptest::sample::select(&[0x0a, 0x12, 0x1a, 0x2a, 0x32, 0x08, 0x11, 0x20, 0, 1, 2, 3, 5, 8, 13, b'a', b'b', 0xff][..]), 0..200),
    ) {
        read_as_everything(&bytes);
    }

    #[test]
    fn changed_bytes_never_panic(object in typed_object(), changes in changes()) {
        let mut bytes = to_struct(&object).unwrap().to_vec();
        prop_assert!(from_struct::<Typed>(&bytes).is_ok());
        change(&mut bytes, &changes);
        read_as_everything(&bytes);
    }

    /// Changed bytes that are still a Struct without repetitions and foreign fields (so that the official types write as
    /// many bytes) are read as the official types read them.
    #[test]
    fn changed_bytes_that_are_well_formed_are_read_as_by_the_official_types(object in any_object(), changes in changes()) {
        let mut bytes = to_struct(&object).unwrap().to_vec();
        change(&mut bytes, &changes);
        if let Ok(official) = Struct::decode(&bytes[..]) && official.encoded_len() == bytes.len() {
            match from_struct::<Value>(&bytes) {
                Ok(found) => prop_assert_eq!(found, wire::json_object(&official)),
                Err(error) => prop_assert!(error.message.ends_with("expected a finite number"), "{}", error),
            }
        }
    }
}

#[test]
fn malformed_bytes_are_an_error_that_says_so_and_where() {
    let malformed = |what: &str| format!("malformed google.protobuf.Struct: {what}");
    let beyond = malformed("a field reaches beyond the end of its message");
    let varint = malformed("failed to decode Protobuf message: invalid varint");
    let at = |path: &str, what: &str| format!("{path}: {what}");
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        ("a tag alone", vec![0x0a], varint.clone()),
        ("a length without end", vec![0x0a, 0xff], varint.clone()),
        ("a length of eleven bytes", [&[0x0a][..], &[0x80; 10], &[0]].concat(), varint.clone()),
        ("a tag of eleven bytes", [&[0x8a][..], &[0x80; 9], &[0]].concat(), varint.clone()),
        ("a length beyond the end", vec![0x0a, 0x01], beyond.clone()),
        ("the largest length", [&[0x0a][..], &[0xff; 9], &[0x01]].concat(), beyond.clone()),
        ("a length beyond 64 bits", [&[0x0a][..], &[0xff; 9], &[0x02]].concat(), varint.clone()),
        ("field number 0", vec![0x02, 0x00], malformed("a field has the number 0")),
        ("a field number beyond 29 bits", vec![0x82, 0x80, 0x80, 0x80, 0x10, 0x00], malformed("a field number is too large")),
        ("the end of a group", vec![0x0c], malformed("a group ends that has not begun")),
        ("the end of another group", vec![0x0b, 0x14], malformed("a group ends that has not begun")),
        ("a group without end", vec![0x0b, 0x10, 0x01], varint.clone()),
        ("a group that is cut off", vec![0x0b, 0x12, 0x05, 0x0c], beyond.clone()),
        ("129 groups", [[0x0b; 129], [0x0c; 129]].concat(), malformed("more than 128 groups inside each other")),
        ("a million groups", vec![0x0b; 1_000_000], malformed("more than 128 groups inside each other")),
        ("wire type 6", vec![0x0e], malformed("wire type 6 does not exist")),
        ("wire type 7", vec![0x0f], malformed("wire type 7 does not exist")),
        ("a short fixed32", vec![0x7d, 1, 2, 3], beyond.clone()),
        ("a key that is not UTF-8", field(1, &field(1, &[0xff])), malformed("a string is not valid UTF-8")),
        ("a key that is cut off", field(1, &[0x0a, 0x05, b'a']), beyond.clone()),
        ("a string that is not UTF-8", entry("a", &field(3, &[0xc3, 0x28])), at("a", &malformed("a string is not valid UTF-8"))),
        ("a surrogate", entry("a", &field(3, &[0xed, 0xa0, 0x80])), at("a", &malformed("a string is not valid UTF-8"))),
        ("a string that is cut off", entry("a", &[0x1a, 0x02, b'x']), at("a", &beyond)),
        ("a number that is cut off", entry("a", &[0x11, 0, 0, 0]), at("a", &beyond)),
        ("a boolean that is cut off", entry("a", &[0x20]), at("a", &varint)),
        ("in an object in a list", entry("a", &list(&[string("x"), object(&[entry("b", &[0x1a, 0x09])])])), at("a[1].b", &beyond)),
        ("a list that is cut off", entry("a", &field(6, &[0x0a, 0x02, 0x1a])), at("a", &beyond)),
    ];
    for (why, bytes, expected) in cases {
        assert_eq!(from_struct::<Value>(&bytes).map_err(|error| error.to_string()), Err(expected), "{why}");
    }
}

/// The stack of a thread that serves requests is 2 MiB, and a debug build's frames are large.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn depth_is_bounded() {
    #[derive(Deserialize)]
    struct Shallow {}
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read into")]
    struct Deep {
        #[serde(default, rename = "")]
        inner: Option<Box<Deep>>,
    }
    fn depth(value: &Value) -> usize {
        1 + match value {
            Value::Object(fields) => fields.values().filter(|value| !value.is_null()).map(depth).max().unwrap_or(0),
            Value::Array(elements) => elements.iter().map(depth).max().unwrap_or(0),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }
    on_a_small_stack(|| {
        for lists in [false, true] {
            assert_eq!(depth(&from_struct(&nested(128, lists)).unwrap()), 128);
            for too_deep in [129, 100_000] {
                let bytes = nested(too_deep, lists);
                let error = from_struct::<Value>(&bytes).unwrap_err();
                assert_eq!(error.message, "nested too deep: more than 128 objects and lists inside each other");
                assert!(from_struct::<Shallow>(&bytes).is_ok(), "what is ignored may be of any depth");
            }
        }
        assert!(from_struct::<Deep>(&nested(128, false)).is_ok());
        assert!(from_struct::<Deep>(&nested(100_000, false)).is_err());
    });
}

#[test]
fn depth_is_bounded_for_what_is_written_as_for_what_is_read() {
    fn tower(levels: usize) -> Value {
        let mut value = json!({});
        for level in 1..levels {
            value = if level % 2 == 0 || level == levels - 1 { json!({"a": value}) } else { json!([value]) };
        }
        value
    }
    on_a_small_stack(|| {
        let written = to_struct(&tower(128)).unwrap();
        assert_eq!(from_struct::<Value>(&written).unwrap(), tower(128));
        assert_eq!(to_struct(&tower(129)).unwrap_err().message, "nested too deep: more than 128 objects and lists inside each other");
        assert!(to_struct(&tower(1_000)).is_err());
    });
}

#[test]
fn a_large_object_is_read_in_proportion_to_its_size() {
    // 200,000 times the same two keys: with a quadratic search for earlier ones this would take minutes.
    let bytes: Vec<u8> = (0..200_000).flat_map(|index| entry(if index % 2 == 0 { "a" } else { "b" }, &number(f64::from(index)))).collect();
    assert_eq!(from_struct::<Value>(&bytes).unwrap(), json!({"a": 199_998, "b": 199_999}));
    let distinct: BTreeMap<String, u32> = (0..200_000).map(|index| (index.to_string(), index)).collect();
    assert_eq!(from_struct::<BTreeMap<String, u32>>(&to_struct(&distinct).unwrap()).unwrap(), distinct);
}
