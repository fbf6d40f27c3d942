//! The fields of every kind, out of the schemas of its XRD.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{code, hold, table};
use crate::package::definitions::{definitions, input};

const API: &str = "# API: `modelplane.ai/v1alpha1`

What people write, and what the function reports. A field without *required* may be left out. Where a field holds what another holds
too, the table names it and does not repeat it. Rules are checked by the API server and by the function.
";

const INPUT: &str = "# Input of the function

How the function behaves in a pipeline: `input` of its step in a Composition. All of it is optional, and an unknown field is an error.
`ttl` counts for all four kinds, `lint` for models and deployments, everything else for deployments.

```yaml
apiVersion: modelplane.fn.crossplane.io/v1beta1
kind: Input
rdma: Pin
lint: Enforce
ttl: 60s
```

";

/// Fields that are Kubernetes' own, by the end of their path.
const KUBERNETES: [(&str, &str); 10] = [
    (".env[]", "EnvVar"),
    (".tolerations[]", "Toleration"),
    (".volumeMounts[]", "VolumeMount"),
    (".volumes[]", "Volume"),
    (".imagePullSecrets[]", "LocalObjectReference"),
    (".topologySpreadConstraints[]", "TopologySpreadConstraint"),
    ("ontainers[]", "Container"),
    (".affinity", "Affinity"),
    (".pod.securityContext", "PodSecurityContext"),
    (".containerSecurityContext", "SecurityContext"),
];

/// A walk through schemas.
#[derive(Default)]
struct Walk {
    kind: &'static str,
    /// Where each schema of many fields was told, by its text without the description.
    told: BTreeMap<String, (&'static str, String)>,
    rows: Vec<[String; 4]>,
    rules: Vec<String>,
}

impl Walk {
    fn fields(&mut self, path: &str, schema: &Value) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap_or_else(|| panic!("{path} has a rule without a message: {rule}"));
            self.rules.push(format!("- {}: {message}", code(path)));
        }
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields: Vec<(&String, &Value)> = schema["properties"].as_object().into_iter().flatten().collect();
        // What it repeats of the decode side is told there.
        fields.sort_by_key(|(name, _)| *name == "prefill");
        for (name, field) in fields {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.field(&path, field, required.contains(&name.as_str()));
        }
    }

    fn field(&mut self, path: &str, schema: &Value, required: bool) {
        let (path, inner) = match schema["type"].as_str() {
            Some("array") => (format!("{path}[]"), &schema["items"]),
            _ => (path.to_owned(), schema),
        };
        let repeated = self.repeated(&path, inner);
        let mut description = schema["description"].as_str().unwrap_or_default().to_owned();
        if let Some((kind, told)) = &repeated {
            let of = if *kind == self.kind { String::new() } else { format!(" of {kind}") };
            description = [description, format!("Fields and rules as in {}{of}.", code(told))].join(" ");
        }
        let theirs = KUBERNETES.iter().find(|(ending, _)| path.ends_with(ending));
        if let (Some((_, kind)), None) = (theirs, &repeated) {
            description = format!("{description} Fields as in Kubernetes' {kind}.");
        }
        self.rows.push([code(&path), kind_of(schema), bounds(schema, required), description]);
        if repeated.is_none() && theirs.is_none() {
            self.fields(&path, inner);
        }
    }

    /// Where a schema of more than two fields was told before.
    fn repeated(&mut self, path: &str, schema: &Value) -> Option<(&'static str, String)> {
        let mut bare = schema.clone();
        for told_anyway in ["description", "default"] {
            bare.as_object_mut().unwrap().remove(told_anyway);
        }
        if bare["properties"].as_object().is_none_or(|fields| fields.len() < 2) {
            return None;
        }
        let text = bare.to_string();
        let before = self.told.get(&text).cloned();
        if before.is_none() {
            self.told.insert(text, (self.kind, path.to_owned()));
        }
        before
    }

    /// The table of what was walked through in a status: it is read, so defaults and bounds do not matter.
    fn take_status(&mut self) -> String {
        let rows: Vec<[String; 3]> =
            std::mem::take(&mut self.rows).into_iter().map(|[path, kind, _, description]| [path, kind, description]).collect();
        table(["Field", "Type", "Description"], &rows)
    }

    /// The table of what was walked through, and the rules.
    fn take(&mut self) -> String {
        let mut text = table(["Field", "Type", "Default and bounds", "Description"], &std::mem::take(&mut self.rows));
        let rules = std::mem::take(&mut self.rules);
        if !rules.is_empty() {
            text.extend([format!("\nRules:\n\n{}\n", rules.join("\n"))]);
        }
        text
    }
}

fn kind_of(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "quantity".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind_of(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => format!("map of {}", kind_of(&schema["additionalProperties"])),
        Some("object") if schema["x-kubernetes-preserve-unknown-fields"] == true => "any object".to_owned(),
        Some(kind) => kind.to_owned(),
        None => panic!("a schema has no type: {schema}"),
    }
}

fn bounds(schema: &Value, required: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    parts.extend(required.then(|| "**required**".to_owned()));
    parts.extend(schema.get("default").map(|default| format!("default {}", code(&text(default)))));
    let values: Vec<String> = schema["enum"].as_array().into_iter().flatten().map(|value| code(&text(value))).collect();
    parts.extend((!values.is_empty()).then(|| values.join(", ")));
    if schema["x-kubernetes-int-or-string"] == true {
        parts.extend(schema.get("minimum").map(|_| "above 0".to_owned()));
        return parts.join("; ");
    }
    for (least, most, unit) in [("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " entries")]
    {
        parts.extend(match (schema.get(least), schema.get(most)) {
            (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
            (Some(least), None) => Some(format!("at least {least}{unit}")),
            (None, Some(most)) => Some(format!("at most {most}{unit}")),
            (None, None) => None,
        });
    }
    parts.extend(schema["pattern"].as_str().map(code));
    let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    parts.extend((!keys.is_empty()).then(|| format!("no two with the same {}", keys.join(", "))));
    parts.join("; ")
}

#[test]
fn the_page_lists_every_field_of_our_kinds() {
    let (mut text, mut walk) = (API.to_owned(), Walk::default());
    for definition in definitions() {
        walk.kind = definition.kind;
        let short: Vec<String> = definition.short_names.iter().map(|name| format!(", short name {}", code(name))).collect();
        text.extend([format!("\n## {}\n\n{} Scope: {}{}.\n\n", definition.kind, definition.description, definition.scope, short.concat())]);
        walk.fields("spec", &definition.spec);
        text += &walk.take();
        walk.fields("status", &definition.status);
        if walk.rows.is_empty() {
            text += "\nStatus: [conditions](conditions.md) only.\n";
        } else {
            text.extend([format!("\nStatus, beside [conditions](conditions.md):\n\n{}", walk.take_status())]);
        }
    }
    hold("api.md", &text);
}

#[test]
fn the_page_lists_every_field_of_the_input() {
    let mut walk = Walk::default();
    walk.fields("", &input());
    hold("input.md", &format!("{INPUT}{}", walk.take()));
}
