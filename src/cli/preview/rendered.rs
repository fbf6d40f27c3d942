//! Everything that is composed, as `crossplane composition render -x -r` prints it, without what only a control plane
//! gives: generated names, owners and times.

use serde_json::{Value, json};

use crate::cli::plane::control_plane::written;
use crate::cli::plane::session::{Previewed, Settled};
use crate::cli::yaml_output::to_yaml;
use crate::function;
use crate::function::proto::Severity;

/// Of every deployment the composite resource with its status, every composed resource, and every result, each a YAML document.
pub(crate) fn render(settled: &Settled) -> String {
    let documents = settled.previewed.iter().flat_map(|previewed| {
        let composed = settled.control_plane.composed(&previewed.key).into_values().map(unnamed);
        std::iter::once(composite(previewed)).chain(composed).chain(previewed.response.results.iter().map(result))
    });
    let texts = documents.map(|document| to_yaml(&document).unwrap_or_else(|error| format!("# cannot print: {error}\n")));
    texts.collect::<Vec<_>>().join("---\n")
}

fn result(result: &function::proto::Result) -> Value {
    let severity = match result.severity() {
        Severity::Fatal => "Fatal",
        Severity::Warning => "Warning",
        Severity::Normal | Severity::Unspecified => "Normal",
    };
    json!({
        "apiVersion": "render.crossplane.io/v1beta1",
        "kind": "Result",
        "message": result.message,
        "reason": result.reason(),
        "severity": severity,
    })
}

fn composite(previewed: &Previewed) -> Value {
    let object = &previewed.object;
    let mut status = serde_json::to_value(&previewed.reported.status).unwrap_or_default();
    let conditions = previewed.response.conditions.iter().map(written);
    if let Some(status) = status.as_object_mut() {
        status.insert("conditions".to_owned(), Value::Array(conditions.collect()));
    }
    let mut composite = object.clone();
    if let Some(fields) = composite.as_object_mut() {
        fields.insert("status".to_owned(), status);
    }
    composite
}

/// A composed resource without its owner, and without the name that stands for one which a control plane makes up.
fn unnamed(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
        if metadata.contains_key("generateName") {
            metadata.remove("name");
        }
    }
    object
}
