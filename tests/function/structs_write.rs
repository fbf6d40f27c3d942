//! Writing types as a Struct.

use std::collections::BTreeMap;

use bytes::Bytes;
use function_modelplane::structs::{from_struct, merge, to_struct};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::wire::{entry, list, number, object, string};

#[derive(Serialize)]
struct Everything {
    boolean: bool,
    bytes: Raw,
    character: char,
    float: f32,
    map: BTreeMap<Name, Option<Unit>>,
    name: Name,
    none: Option<u8>,
    signed: (i8, i16, i32, i64),
    some: Option<&'static str>,
    unsigned: (u8, u16, u32, u64),
    variants: [Variant; 4],
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name(&'static str);

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
enum Variant {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { a: u8, b: Vec<()> },
}

struct Raw;

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&[1, 255])
    }
}

fn everything() -> Everything {
    Everything {
        boolean: true,
        bytes: Raw,
        character: 'ä',
        float: 0.5,
        map: [(Name("b"), Some(Unit)), (Name("a"), None)].into(),
        name: Name("x"),
        none: None,
        signed: (-128, -32_768, i32::MIN, -(1 << 53)),
        some: Some("y"),
        unsigned: (255, 65_535, u32::MAX, 1 << 53),
        variants: [Variant::Unit, Variant::Newtype(1), Variant::Tuple(1, 2), Variant::Struct { a: 1, b: vec![(), ()] }],
    }
}

#[test]
fn every_form_of_type_is_written_as_serde_json_writes_it() {
    let expected = serde_json::to_value(everything()).unwrap();
    assert_eq!(expected["variants"], json!(["Unit", {"Newtype": 1}, {"Tuple": [1, 2]}, {"Struct": {"a": 1, "b": [null, null]}}]));
    assert_eq!(from_struct::<Value>(&to_struct(&everything()).unwrap()).unwrap(), expected);
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let null = vec![0x08, 0x00];
    let truth = vec![0x20, 0x01];
    let cases = [
        (json!({}), vec![]),
        (json!({"a": null}), entry("a", &null)),
        (json!({"a": true, "b": "x"}), [entry("a", &truth), entry("b", &string("x"))].concat()),
        (json!({"": ""}), vec![0x0a, 0x06, 0x0a, 0x00, 0x12, 0x02, 0x1a, 0x00]),
        (json!({"a": [1, {}, []]}), entry("a", &list(&[number(1.0), object(&[]), list(&[])]))),
        (json!({"a": {"b": {"c": -1.5}}}), entry("a", &object(&[entry("b", &object(&[entry("c", &number(-1.5))]))]))),
        (json!({"a": {"b": "z".repeat(127)}, "c": "z".repeat(128)}), {
            [entry("a", &object(&[entry("b", &string(&"z".repeat(127)))])), entry("c", &string(&"z".repeat(128)))].concat()
        }),
    ];
    for (value, expected) in cases {
        assert_eq!(to_struct(&value).unwrap(), expected, "{value}");
    }
    assert_eq!(to_struct(&everything()).unwrap(), to_struct(&everything()).unwrap(), "the same value is the same bytes");
}

#[test]
fn what_a_struct_cannot_hold_is_an_error_with_its_place() {
    fn error<T: Serialize + ?Sized>(value: &T) -> String {
        to_struct(value).unwrap_err().to_string()
    }
    #[derive(Serialize)]
    enum Kind {
        Tuple(u8, f64),
        Struct { a: f64 },
        Newtype(f64),
    }
    let large: i64 = (1 << 53) + 1;
    let cases = [
        (
            error(&json!({"a": {"b": [0, large]}})),
            "a.b[1]: the integer 9007199254740993 is too large: a number here is a double, exact up to 2^53",
        ),
        (error(&json!({"a": -large})), "a: the integer -9007199254740993 is too large: a number here is a double, exact up to 2^53"),
        (error(&json!({"a": u64::MAX})), "a: the integer 18446744073709551615 is too large: a number here is a double, exact up to 2^53"),
        (error(&json!({"a": i64::MIN})), "a: the integer -9223372036854775808 is too large: a number here is a double, exact up to 2^53"),
        (
            error(&[("a.b/c", f64::NAN)].into_iter().collect::<BTreeMap<_, _>>()),
            "[\"a.b/c\"]: invalid value: NaN, expected a finite number",
        ),
        (error(&BTreeMap::from([("a", vec![f32::NEG_INFINITY])])), "a[0]: invalid value: -inf, expected a finite number"),
        (error(&BTreeMap::from([("k", Kind::Tuple(1, f64::NAN))])), "k.Tuple[1]: invalid value: NaN, expected a finite number"),
        (error(&BTreeMap::from([("k", Kind::Struct { a: f64::NAN })])), "k.Struct.a: invalid value: NaN, expected a finite number"),
        (error(&BTreeMap::from([("k", Kind::Newtype(f64::NAN))])), "k.Newtype: invalid value: NaN, expected a finite number"),
        (error(&BTreeMap::from([(1, 1)])), "invalid type: number, expected a string as key"),
        (error(&BTreeMap::from([("a", BTreeMap::from([(Some([1]), 1)]))])), "a: invalid type: list, expected a string as key"),
        (error(&[1]), "invalid type: list, expected an object"),
        (error("x"), "invalid type: string, expected an object"),
        (error(&1), "invalid type: number, expected an object"),
        (error(&true), "invalid type: boolean, expected an object"),
        (error(&None::<u8>), "invalid type: null, expected an object"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn objects_are_merged_and_all_else_is_replaced() {
    let cases = [
        (
            "objects at every depth",
            json!({"a": {"b": {"c": 1}}, "z": 1}),
            json!({"a": {"b": {"d": 2}}}),
            json!({"a": {"b": {"c": 1, "d": 2}}, "z": 1}),
        ),
        ("a scalar", json!({"a": 1}), json!({"a": 2}), json!({"a": 2})),
        ("a list as a whole", json!({"a": [{"x": 1}, 2]}), json!({"a": [{"y": 1}]}), json!({"a": [{"y": 1}]})),
        ("an object by a scalar", json!({"a": {"b": 1}}), json!({"a": "x"}), json!({"a": "x"})),
        ("a scalar by an object", json!({"a": "x"}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}})),
        ("null is a value", json!({"a": {"b": 1}}), json!({"a": null}), json!({"a": null})),
        ("an empty object adds nothing", json!({"a": {"b": 1}}), json!({"a": {}}), json!({"a": {"b": 1}})),
        ("an empty object that is new stays", json!({}), json!({"a": {}}), json!({"a": {}})),
    ];
    for (why, base, overlay, expected) in cases {
        let merged = merge(Some(&to_struct(&base).unwrap()), &overlay).unwrap();
        assert_eq!(from_struct::<Value>(&merged).unwrap(), expected, "{why}");
    }
    assert_eq!(merge(None, &json!({"a": 1})).unwrap(), to_struct(&json!({"a": 1})).unwrap(), "nothing to merge into");
    let errors = [
        (merge(Some(&Bytes::from(entry("a", &number(f64::NAN)))), &json!({})), "a: invalid value: NaN, expected a finite number"),
        (merge(None, &BTreeMap::from([("s", f64::NAN)])), "s: invalid value: NaN, expected a finite number"),
        (merge(None, &[1]), "invalid type: list, expected an object"),
    ];
    for (found, expected) in errors {
        assert_eq!(found.unwrap_err().to_string(), expected);
    }
}
