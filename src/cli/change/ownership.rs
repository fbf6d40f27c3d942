//! Whose a label or an annotation is: applying takes away what the one who applies has written before and no longer writes, and leaves
//! what is another's.

use serde_json::{Map, Value};

/// What `kubectl apply` keeps of what it applied before.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How an object was applied before, as far as it tells.
pub(crate) enum Applied {
    /// On the server: the fields of the manager that applies, and those of each other.
    OnServer(Value, Vec<Value>),
    /// By a client, which left behind what it wrote.
    ByClient(Value),
    /// It was written, but never applied.
    Never,
    /// Nothing is known.
    Unknown,
}

impl Applied {
    /// Reads the metadata of what is there.
    pub(crate) fn of(metadata: &Map<String, Value>) -> Self {
        let entries = metadata.get("managedFields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |entry: &'_ Value, field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let applies = |entry: &Value| text(entry, "operation") == "Apply" && text(entry, "subresource").is_empty() && writes_spec(entry);
        let applying = entries.iter().enumerate().filter(|(_, entry)| applies(entry));
        // Of several the one that did last: it is whose manifests are looked after.
        if let Some((own, entry)) = applying.max_by_key(|(_, entry)| text(entry, "time")) {
            let others = entries.iter().enumerate().filter(|(index, _)| *index != own);
            return Self::OnServer(fields(entry), others.map(|(_, entry)| fields(entry)).collect());
        }
        let last = metadata.get("annotations").and_then(|annotations| annotations.get(LAST_APPLIED)?.as_str());
        match last.and_then(|text| serde_json::from_str(text).ok()) {
            Some(last) => Self::ByClient(last),
            None if entries.is_empty() => Self::Unknown,
            None => Self::Never,
        }
    }

    /// Whether a text of `labels` or `annotations` that is no longer written goes.
    pub(crate) fn takes_away(&self, field: &str, key: &str) -> bool {
        let has = |fields: &Value| {
            fields.pointer("/f:metadata").and_then(|metadata| metadata.get(format!("f:{field}"))?.get(format!("f:{key}"))).is_some()
        };
        match self {
            Self::OnServer(own, others) => has(own) && !others.iter().any(has),
            Self::ByClient(last) => last.pointer("/metadata").and_then(|metadata| metadata.get(field)?.get(key)).is_some(),
            Self::Never | Self::Unknown => false,
        }
    }
}

fn fields(entry: &Value) -> Value {
    entry.get("fieldsV1").cloned().unwrap_or_default()
}

/// Whether a manager has a part of the spec that people write.
fn writes_spec(entry: &Value) -> bool {
    let spec = entry.pointer("/fieldsV1/f:spec").and_then(Value::as_object);
    spec.is_some_and(|spec| spec.keys().any(|field| field != "f:crossplane" && field != "."))
}
