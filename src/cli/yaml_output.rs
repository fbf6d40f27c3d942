//! JSON values become YAML text, in the style of kubectl and `crossplane render`.

use serde_json::Value;
use serde_saphyr::ser_error::Error;

/// One document as block-style YAML that ends with a line break: two spaces a level, lists at the level of their key, strings of
/// several lines as literal blocks, long lines as they are, and quotes around every string that YAML 1.1 or 1.2 would read as
/// something else.
///
/// # Errors
/// None is known for a JSON value; what the serializer reports is passed on.
pub fn to_yaml(value: &Value) -> Result<String, Error> {
    serde_saphyr::to_string_with_options(value, serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX })
}
