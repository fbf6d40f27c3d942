//! The codec against `prost_types`, which decodes into a tree, on values of every shape.

use function_modelplane::structs::{from_struct, merge, to_struct};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use prost::Message as _;
use prost_types::Struct;
use serde_json::{Value, json};

use super::wire;

const LARGEST: i64 = 1 << 53;

/// Any JSON that a Struct can hold.
pub(super) fn any_object() -> impl Strategy<Value = Value> {
    any_object_with_keys(".{0,8}")
}

fn any_object_with_keys(keys: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-LARGEST..=LARGEST).prop_map(Value::from),
        (-300_i64..300).prop_map(Value::from),
        any::<f64>().prop_map(|number| if number.is_finite() { json!(number) } else { json!(0.5) }),
        ".{0,40}".prop_map(Value::from),
        // Lengths on both sides of what one and two bytes can say.
        (120_usize..136).prop_map(|length| Value::from("x".repeat(length))),
        (16_370_usize..16_390).prop_map(|length| Value::from("y".repeat(length))),
    ];
    let inner = leaf.prop_recursive(6, 96, 8, move |inner| {
        prop_oneof![vec(inner.clone(), 0..8).prop_map(Value::from), btree_map(keys, inner, 0..8).prop_map(|map| map.into_iter().collect()),]
    });
    btree_map(keys, inner, 0..12).prop_map(|map| map.into_iter().collect())
}

proptest! {
    /// What the official types write is read as the same JSON.
    #[test]
    fn reads_what_the_official_types_write(object in any_object()) {
        let official = wire::official_struct(&object);
        prop_assert_eq!(from_struct::<Value>(&official.encode_to_vec()).unwrap(), wire::json_object(&official));
    }

    /// What is written, the official types read as the same value.
    #[test]
    fn the_official_types_read_what_is_written(object in any_object()) {
        let written = to_struct(&object).unwrap();
        prop_assert_eq!(Struct::decode(written).unwrap(), wire::official_struct(&object));
    }

    /// No byte more than needed is written: prost leaves out an empty key with its tag and length, we do not, else both
    /// write the same bytes.
    #[test]
    fn writes_the_bytes_that_the_official_types_write(object in any_object_with_keys(".{1,8}")) {
        prop_assert_eq!(to_struct(&object).unwrap(), wire::official_struct(&object).encode_to_vec());
    }

    /// The order of entries is the sender's, Go's is random, and means nothing.
    #[test]
    fn the_order_of_entries_means_nothing(object in any_object()) {
        let backwards: Vec<u8> =
            object.as_object().unwrap().iter().rev().flat_map(|(key, value)| wire::entry(key, &wire::official(value).encode_to_vec())).collect();
        prop_assert_eq!(from_struct::<Value>(&backwards).unwrap(), from_struct::<Value>(&to_struct(&object).unwrap()).unwrap());
    }

    /// Nothing laid over an object leaves it as it is; an object over itself and over nothing, too.
    #[test]
    fn merging_nothing_changes_nothing(object in any_object()) {
        let bytes = to_struct(&object).unwrap();
        // By way of reading once: -0.0 is written as 0.
        let settled = to_struct(&from_struct::<Value>(&bytes).unwrap()).unwrap();
        prop_assert_eq!(&merge(Some(&bytes), &json!({})).unwrap(), &settled);
        prop_assert_eq!(&merge(Some(&bytes), &object).unwrap(), &settled);
        prop_assert_eq!(&merge(None, &object).unwrap(), &settled);
    }
}
