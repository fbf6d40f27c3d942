//! By what a control plane knows an object.

use std::fmt;

use serde::Serialize;

/// Identifies an object. It prints as `Kind name` or `Kind namespace/name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct ObjectKey {
    #[serde(skip)]
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// Empty where the kind has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ObjectKey {
    /// `name` or `namespace/name`.
    pub(crate) fn full_name(&self) -> String {
        let Self { namespace, name, .. } = self;
        if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.full_name())
    }
}
