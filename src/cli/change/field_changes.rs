//! Which fields differ between two objects.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldChange {
    /// Its path, with names for items of a list that have them.
    pub(crate) path: String,
    /// What it was; nothing where it was not there, or is not one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Value>,
    /// What it becomes; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Value>,
}

/// Everything that differs below a path, in order.
pub(crate) fn field_changes(path: &str, old: Option<&Value>, new: Option<&Value>) -> Vec<FieldChange> {
    let mut found = Vec::new();
    collect(path, old, new, &mut found);
    found
}

fn collect(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for key in keys(old, new) {
                collect(&format!("{path}{}", step(key)), old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => match (by_name(before), by_name(after)) {
            (Some(old), Some(new)) if keys(&old, &new).len() >= before.len().max(after.len()) => {
                let length = found.len();
                for name in keys(&old, &new) {
                    collect(&format!("{path}[{name}]"), old.get(name), new.get(name), found);
                }
                if found.len() == length {
                    found.push(FieldChange { path: format!("{path} (order)"), from: None, to: None });
                }
            }
            _ if before.len() == after.len() => {
                for (index, (old, new)) in before.iter().zip(after).enumerate() {
                    collect(&format!("{path}[{index}]"), Some(old), Some(new), found);
                }
            }
            _ => found.push(FieldChange { path: path.to_owned(), from: None, to: None }),
        },
        _ => found.push(FieldChange {
            path: path.to_owned(),
            from: old.filter(|old| is_one(old)).cloned(),
            to: new.filter(|new| is_one(new)).cloned(),
        }),
    }
}

fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> BTreeSet<&'a String> {
    old.keys().chain(new.keys()).collect()
}

/// A list whose items all have names, and no two the same.
fn by_name(items: &[Value]) -> Option<Map<String, Value>> {
    let named: Option<Map<String, Value>> = items.iter().map(|item| Some((item.get("name")?.as_str()?.to_owned(), item.clone()))).collect();
    named.filter(|named| named.len() == items.len())
}

/// A key that holds a dot would be read as two.
fn step(key: &str) -> String {
    if key.contains(['.', '/']) { format!("[{key:?}]") } else { format!(".{key}") }
}

fn is_one(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}
