//! Kubernetes structural schemas out of Rust types.

use kube_core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of a type as the API server takes it.
pub(super) fn structural<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .with_transform(Plain)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

/// What is left to do: nothing is nullable, unknown fields are pruned or kept as `x-kubernetes-*` says, integers have no format of Rust's own.
#[derive(Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        schema.remove("nullable");
        if schema.get("default") == Some(&Value::Null) {
            schema.remove("default");
        }
        if matches!(schema.get("additionalProperties"), Some(Value::Bool(_))) {
            schema.remove("additionalProperties");
        }
        if let Some(Value::String(format)) = schema.get("format")
            && format.starts_with("uint")
        {
            schema.remove("format");
        }
        // An integer's bound is written as one, and a bound that only says "unsigned" is kept.
        for bound in ["minimum", "maximum"] {
            if let Some(number) = schema.get(bound).and_then(Value::as_f64) {
                schema.insert(bound.to_owned(), serde_json::json!(format!("{number:.0}").parse::<i64>().unwrap()));
            }
        }
        if let Some(Value::String(description)) = schema.get("description") {
            let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
            schema.insert("description".to_owned(), line.into());
        }
    }
}
