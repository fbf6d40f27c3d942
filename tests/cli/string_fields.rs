//! Every string that the schemas of our kinds have a place for.

use std::fmt;

use serde_json::{Value, json};

use crate::package::definitions::definitions;

/// A step to a string inside an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Item(usize),
    /// The key of a map itself.
    Key,
    /// The value of a map.
    Value,
}

/// Where in an object a string is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(Vec<Step>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.0.iter().map(|step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Item(_) => "[]".to_owned(),
            Step::Key => ".KEY".to_owned(),
            Step::Value => ".VALUE".to_owned(),
        });
        f.write_str(steps.collect::<String>().trim_start_matches('.'))
    }
}

/// A path such as `metadata.labels.KEY`.
fn place(path: &str) -> Place {
    let steps = path.split('.').map(|step| match step {
        "KEY" => Step::Key,
        "VALUE" => Step::Value,
        "0" => Step::Item(0),
        name => Step::Field(name.to_owned()),
    });
    Place(steps.collect())
}

/// Every string of a kind, those of Kubernetes and Crossplane too, and the name of a field that does not exist.
pub(super) fn string_fields(kind: &str) -> Vec<Place> {
    let definition = definitions().into_iter().find(|definition| definition.kind == kind).unwrap();
    let mut found: Vec<Place> = [
        "apiVersion",
        "kind",
        "metadata.name",
        "metadata.namespace",
        "metadata.labels.KEY",
        "metadata.labels.VALUE",
        "metadata.annotations.KEY",
        "metadata.annotations.VALUE",
        "spec.KEY",
        "spec.crossplane.compositionRef.name",
        "spec.crossplane.resourceRefs.0.kind",
        "spec.crossplane.resourceRefs.0.name",
        "status.conditions.0.type",
        "status.conditions.0.reason",
        "status.conditions.0.message",
    ]
    .map(place)
    .into();
    for (part, schema) in [("spec", &definition.spec), ("status", &definition.status)] {
        collect(&mut vec![Step::Field(part.to_owned())], schema, &mut found);
    }
    assert!(found.len() > 30, "a walk that finds nothing would prove nothing");
    found
}

fn collect(path: &mut Vec<Step>, schema: &Value, found: &mut Vec<Place>) {
    let mut inside = |step: Step, schema: &Value| {
        path.push(step);
        collect(path, schema, found);
        path.pop();
    };
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        inside(Step::Field(name.clone()), schema);
    }
    match schema["type"].as_str() {
        Some("array") => inside(Step::Item(0), &schema["items"]),
        Some("object") if schema["additionalProperties"].is_object() => {
            inside(Step::Key, &json!({"type": "string"}));
            inside(Step::Value, &json!({"type": "string"}));
        }
        // Quantities are strings or numbers.
        None if schema["x-kubernetes-int-or-string"] == json!(true) => found.push(Place(path.clone())),
        Some("string") => found.push(Place(path.clone())),
        Some(_) | None => {}
    }
}

/// Every string that is in an object.
pub(super) fn strings_of(object: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    walk(&mut Vec::new(), object, &mut found);
    found
}

fn walk(path: &mut Vec<Step>, value: &Value, found: &mut Vec<Place>) {
    match value {
        Value::String(_) => found.push(Place(path.clone())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Item(index));
                walk(path, item, found);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(Step::Field(name.clone()));
                walk(path, field, found);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The object with a text in a place; what is not there on the way is made.
pub(super) fn plant(object: &Value, place: &Place, text: &str) -> Value {
    let mut object = object.clone();
    let mut here = &mut object;
    for step in &place.0 {
        here = match step {
            Step::Field(name) => &mut object_of(here)[name.as_str()],
            Step::Item(index) => {
                if !here.is_array() {
                    *here = json!([{}]);
                }
                &mut here[*index]
            }
            Step::Key => {
                object_of(here)[text] = json!("x");
                return object;
            }
            Step::Value => &mut object_of(here)["x"],
        };
    }
    *here = json!(text);
    object
}

/// A place that can have fields.
fn object_of(value: &mut Value) -> &mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    value
}
