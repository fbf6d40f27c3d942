//! Protobuf by hand, for what no encoder would write, and JSON as `prost_types` holds it.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    reason = "test data is small, and a test's own functions may panic as the test may"
)]

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

/// A field of wire type 2.
pub(super) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(content.len()), content].concat()
}

pub(super) fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// An entry of a Struct; `value` is a Value.
pub(super) fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    field(1, &[field(1, key.as_bytes()), field(2, value)].concat())
}

/// The Value of a string.
pub(super) fn string(text: &str) -> Vec<u8> {
    field(3, text.as_bytes())
}

/// The Value of a number.
pub(super) fn number(number: f64) -> Vec<u8> {
    [&[0x11][..], &number.to_le_bytes()].concat()
}

/// The Value of an object, given its entries.
pub(super) fn object(entries: &[Vec<u8>]) -> Vec<u8> {
    field(5, &entries.concat())
}

/// The Value of a list, given the Values in it.
pub(super) fn list(values: &[Vec<u8>]) -> Vec<u8> {
    field(6, &values.iter().flat_map(|value| field(1, value)).collect::<Vec<u8>>())
}

/// `depth` objects, or lists in an object, inside each other, as a Struct.
pub(super) fn nested(depth: usize, lists: bool) -> Vec<u8> {
    // Built from its end, because each level puts its lengths before the levels inside.
    let mut reversed: Vec<u8> = Vec::new();
    let wrap = |reversed: &mut Vec<u8>, tag: u8| {
        let length = varint(reversed.len());
        reversed.extend(length.iter().rev());
        reversed.push(tag);
    };
    for level in 1..depth {
        if lists && level > 1 {
            wrap(&mut reversed, 0x0a);
        } else if !lists && level > 1 {
            wrap(&mut reversed, 0x12);
            wrap(&mut reversed, 0x0a);
        }
        wrap(&mut reversed, if lists { 0x32 } else { 0x2a });
    }
    if depth > 1 {
        wrap(&mut reversed, 0x12);
        wrap(&mut reversed, 0x0a);
    }
    reversed.reverse();
    reversed
}

/// JSON in the official form.
pub(super) fn official(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(value) => Kind::BoolValue(*value),
        serde_json::Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
        serde_json::Value::String(value) => Kind::StringValue(value.clone()),
        serde_json::Value::Array(values) => Kind::ListValue(ListValue { values: values.iter().map(official).collect() }),
        serde_json::Value::Object(_) => Kind::StructValue(official_struct(json)),
    };
    Value { kind: Some(kind) }
}

/// A JSON object in the official form.
pub(super) fn official_struct(json: &serde_json::Value) -> Struct {
    Struct { fields: json.as_object().unwrap().iter().map(|(key, value)| (key.clone(), official(value))).collect() }
}

/// The official form as JSON: whole numbers of at most 2^53 are integers, a value without a kind is null.
pub(super) fn json(value: &Value) -> serde_json::Value {
    let two_53 = 9_007_199_254_740_992.0;
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(value)) => serde_json::json!(value),
        Some(Kind::NumberValue(value)) if value.fract() == 0.0 && value.abs() <= two_53 => {
            serde_json::json!(*value as i64)
        }
        Some(Kind::NumberValue(value)) => serde_json::json!(value),
        Some(Kind::StringValue(value)) => serde_json::json!(value),
        Some(Kind::StructValue(value)) => json_object(value),
        Some(Kind::ListValue(list)) => list.values.iter().map(json).collect(),
    }
}

/// An object of the official form as JSON.
pub(super) fn json_object(value: &Struct) -> serde_json::Value {
    value.fields.iter().map(|(key, value)| (key.clone(), json(value))).collect()
}
