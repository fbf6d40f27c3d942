//! Single fields of an object, put in and taken out without a look at the others.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

use super::wire::{Content, ENTRY_KEY, Fields, STRUCT_FIELDS};
use super::{error::StructError, write};

/// The object with `value` under `key`, whatever it had there. An object that is malformed stays what it is, with the field behind it.
///
/// # Errors
/// As [`super::to_struct`] for `value`.
pub(crate) fn with_field(object: &Bytes, key: &str, value: &impl Serialize) -> Result<Bytes, StructError> {
    // Two messages, one behind the other, are one that has the fields of both.
    let field = write::object(&std::collections::BTreeMap::from([(key, value)]))?;
    let mut whole = BytesMut::from(without_field(object, key).as_ref());
    whole.put(field);
    Ok(whole.freeze())
}

/// The object without the field `key`; every other byte stays. An object that is malformed stays what it is.
pub(crate) fn without_field(object: &Bytes, key: &str) -> Bytes {
    let mut fields = Fields::of(object);
    let mut kept = BytesMut::new();
    loop {
        let before = fields.remaining();
        let Ok(field) = fields.next() else { return object.clone() };
        let Some(field) = field else { break };
        let start = object.len().saturating_sub(before);
        let end = object.len().saturating_sub(fields.remaining());
        if !is_entry(&field, key) {
            kept.put(object.slice(start..end));
        }
    }
    if kept.len() == object.len() { object.clone() } else { kept.freeze() }
}

fn is_entry(field: &(u8, Content<'_>), key: &str) -> bool {
    let (STRUCT_FIELDS, Content::Bytes(entry)) = field else { return false };
    let mut parts = Fields::of(entry);
    let mut found = None;
    while let Ok(Some((tag, content))) = parts.next() {
        if let (ENTRY_KEY, Content::Bytes(text)) = (tag, content) {
            found = Some(text);
        }
    }
    found == Some(key.as_bytes())
}
