//! Objects side by side, as `kubectl diff` prints them.

use serde_json::Value;
use similar::TextDiff;

use crate::cli::yaml_output::to_yaml;
use crate::text::visible::visible;

/// A unified diff of two objects as YAML; an object that is not there is empty.
pub(crate) fn unified(title: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    let text = |object: Option<&Value>| {
        object.map(|object| to_yaml(object).unwrap_or_else(|error| format!("# cannot print: {error}\n"))).unwrap_or_default()
    };
    let (old, new, title) = (text(old), text(new), visible(title));
    TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&format!("live/{title}"), &format!("changed/{title}"))
        .to_string()
}
