//! `google.protobuf.Struct` as it lies on the wire, read into and written from serde types without a tree in between.
//!
//! Nothing but what a type asks for is parsed: an ignored field is stepped over by its length. Objects are visited in the
//! order of their keys, whatever order the sender chose, so that equal objects give equal results and equal errors.
//! Within a newtype struct called `Lossless` a field that its type ignores is an error, because it would be lost.
//! Where a field that may occur once occurs again, the last one counts, also in a map; protobuf would merge two Structs or two
//! lists in one Value, which no encoder writes.

mod entries;
mod error;
mod every_error;
mod omitted;
mod read;
mod wire;
mod write;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use entries::{with_field, without_field};
pub use error::StructError;
pub use wire::MAX_DEPTH;

/// Reads `T` from the wire form of a `google.protobuf.Struct`. Strings can be borrowed from it.
///
/// A number that is a whole one of at most 2^53 is an integer to `T`, any other a float. A value without a kind is null.
///
/// # Errors
/// When what is read does not fit `T`, is malformed, not finite or deeper than [`MAX_DEPTH`].
pub fn from_struct<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, StructError> {
    Ok(read::object(bytes)?)
}

/// Reads `T` as [`from_struct`] does, with all that does not fit it: a message for each unknown field, wrong value and missing field, in the
/// order in which they are read. Of several fields that one object lacks, the first is told.
///
/// # Errors
/// As [`from_struct`], as many as fifty readings find.
pub fn from_struct_or_errors<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Vec<StructError>> {
    every_error::object(bytes).map_err(|faults| faults.into_iter().map(StructError::from).collect())
}

/// Writes `value`, an object, as the wire form of a `google.protobuf.Struct`. Nothing to say (`None`, unit) is null.
///
/// # Errors
/// When `value` is not an object, has keys that are no strings, is deeper than [`MAX_DEPTH`], or holds a number that a
/// double cannot: an integer beyond 2^53, NaN, an infinity.
pub fn to_struct<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, StructError> {
    Ok(write::object(value)?)
}

/// `base` with `overlay` on top: objects are merged at every depth, anything else (lists and null, too) is replaced.
///
/// # Errors
/// As [`from_struct`] for `base` and [`to_struct`] for `overlay` and for the outcome.
pub fn merge(base: Option<&Bytes>, overlay: &impl Serialize) -> Result<Bytes, StructError> {
    // Through the wire, because serde_json would turn NaN into null instead of refusing it.
    let overlay = to_struct(overlay)?;
    let mut merged = from_struct(base.map_or(&[], Bytes::as_ref))?;
    lay_over(&mut merged, from_struct(&overlay)?);
    to_struct(&merged)
}

fn lay_over(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (key, value) in overlay {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay,
    }
}
