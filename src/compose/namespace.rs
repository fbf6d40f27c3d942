//! The namespace of a placement on another cluster.

use std::collections::BTreeMap;

use crate::api::metadata::NewMetadata;
use crate::api::object::PlainObject;

/// A Namespace.
pub fn render_namespace(name: &str) -> PlainObject {
    PlainObject {
        api_version: "v1",
        kind: "Namespace",
        metadata: NewMetadata { name: Some(name.to_owned()), ..NewMetadata::default() },
        secrets: Vec::new(),
        data: BTreeMap::new(),
    }
}
