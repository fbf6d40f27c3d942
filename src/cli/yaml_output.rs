//! JSON values become YAML text, in the style of kubectl and `crossplane render`.

use serde_json::{Map, Value};
use serde_saphyr::ser_error::Error;

use crate::text::visible::{escaped, is_command, is_unseen};

/// One document as block-style YAML that ends with a line break: two spaces a level, lists at the level of their key, strings of
/// several lines as literal blocks, long lines as they are, and quotes around every string that YAML 1.1 or 1.2 would read as
/// something else, or that holds what is not seen.
///
/// # Errors
/// None is known for a JSON value; what the serializer reports is passed on.
pub fn to_yaml(value: &Value) -> Result<String, Error> {
    let mut quoted = Quoted::new(value);
    let value = quoted.stand_in(value);
    let mut text = serde_saphyr::to_string_with_options(&value, serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX })?;
    for (index, original) in quoted.originals.iter().enumerate() {
        text = text.replace(&quoted.name(index), &quote(original));
    }
    Ok(text)
}

/// Strings that the serializer would write as they are although not all of them is seen. Others stand for them while it works.
struct Quoted {
    /// What no string of the document holds.
    mark: String,
    originals: Vec<String>,
}

impl Quoted {
    fn new(value: &Value) -> Self {
        let text = value.to_string();
        let mut mark = "quoted".to_owned();
        while text.contains(&mark) {
            mark.push('d');
        }
        Self { mark, originals: Vec::new() }
    }

    fn name(&self, index: usize) -> String {
        format!("{}-{index}-", self.mark)
    }

    fn stand_in(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.stand_in_for(text)),
            Value::Array(items) => items.iter().map(|item| self.stand_in(item)).collect(),
            Value::Object(fields) => {
                let fields: Map<String, Value> = fields.iter().map(|(key, value)| (self.stand_in_for(key), self.stand_in(value))).collect();
                Value::Object(fields)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn stand_in_for(&mut self, text: &str) -> String {
        if !hides(text) {
            return text.to_owned();
        }
        self.originals.push(text.to_owned());
        self.name(self.originals.len().saturating_sub(1))
    }
}

/// Whether a string has to be in double quotes because of what it holds. Line breaks and tabs are seen in a literal block.
fn hides(text: &str) -> bool {
    let unseen = |character| is_unseen(character) && !matches!(character, '\n' | '\t');
    text.chars().any(unseen) || text.contains("##[") || text.split('\n').any(is_command)
}

/// A double-quoted scalar.
fn quote(text: &str) -> String {
    let slashed = text.replace('\\', "\\\\").replace('"', "\\\"");
    let inside = escaped(&slashed, |character| match u32::from(character) {
        0x0a => "\\n".to_owned(),
        0x09 => "\\t".to_owned(),
        code @ ..=0xff => format!("\\x{code:02X}"),
        code @ ..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    });
    format!("\"{inside}\"")
}
