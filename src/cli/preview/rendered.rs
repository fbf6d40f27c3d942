//! Everything that is composed, as `crossplane composition render -x -r` prints it, without what only a control plane
//! gives: generated names, owners and times.

use serde_json::{Map, Value, json};

use crate::cli::plane::composed::RESOURCE_NAME;
use crate::cli::plane::control_plane::written;
use crate::cli::plane::session::Previewed;
use crate::cli::yaml_output::to_yaml;
use crate::function::proto::{Resource, Severity};
use crate::structs::from_struct;

/// The composite resource with its status, every composed resource, and every result, each a YAML document.
pub(crate) fn render(previewed: &Previewed) -> String {
    let mut documents = vec![composite(previewed)];
    let desired = previewed.response.desired.iter().flat_map(|state| &state.resources);
    documents.extend(desired.map(|(key, resource)| composed(previewed, key, resource)));
    documents.extend(previewed.response.results.iter().map(|result| {
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
    }));
    let documents = documents.iter().map(|document| to_yaml(document).unwrap_or_else(|error| format!("# cannot print: {error}\n")));
    documents.collect::<Vec<_>>().join("---\n")
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

/// What Crossplane adds to every composed resource.
fn composed(previewed: &Previewed, key: &str, resource: &Resource) -> Value {
    let mut object: Value = from_struct(resource.resource.as_deref().unwrap_or_default()).unwrap_or_default();
    let (namespace, name) = previewed.deployment.split_once('/').unwrap_or_default();
    let root = object.as_object_mut();
    let metadata = root.and_then(|root| root.entry("metadata").or_insert_with(|| json!({})).as_object_mut());
    if let Some(metadata) = metadata {
        if !metadata.contains_key("name") {
            metadata.insert("generateName".to_owned(), json!(format!("{name}-")));
        }
        metadata.insert("namespace".to_owned(), json!(namespace));
        insert(metadata, "annotations", RESOURCE_NAME, key);
        insert(metadata, "labels", "crossplane.io/composite", name);
    }
    object
}

fn insert(metadata: &mut Map<String, Value>, field: &str, key: &str, value: &str) {
    if let Some(texts) = metadata.entry(field).or_insert_with(|| json!({})).as_object_mut() {
        texts.insert(key.to_owned(), json!(value));
    }
}
