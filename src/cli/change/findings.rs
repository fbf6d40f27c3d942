//! What the lint finds in an edited object, and did not find before: an image that lacks an option, for example.

use serde::Serialize;
use serde_json::Value;

use super::edits::Edit;
use crate::api::model_deployment::ModelKind;
use crate::api::{API_VERSION, inference_environment};
use crate::cli::plane::{control_plane::ControlPlane, object_key::ObjectKey};
use crate::domain::lint::{Code, Finding, Severity, lint_environment, lint_model_on};
use crate::domain::spec::environment::Environment;
use crate::function::reading::{read_environment, read_model, read_model_spec};

/// A finding that an edit brings.
#[derive(Debug, Serialize)]
pub(crate) struct NewFinding {
    /// `file:line:column` of the field, or of what is around it.
    pub(crate) place: String,
    /// How sure it is.
    pub(crate) severity: &'static str,
    /// The rule.
    pub(crate) rule: &'static str,
    /// The field.
    pub(crate) path: String,
    /// What happens at run time and what to do.
    pub(crate) message: String,
}

impl NewFinding {
    /// Whether it is certain to fail.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error.as_str()
    }
}

/// A finding without what changes where nothing of it does: indexes and words.
type Identity = (Code, Severity, String);

/// What is found in an edited object with the edit and not without it, errors first.
pub(crate) fn new_findings(edit: &Edit<'_>, without: &ControlPlane, with: &ControlPlane) -> Vec<NewFinding> {
    let Some(manifest) = edit.manifest else { return Vec::new() };
    let mut known: Vec<Identity> = found_in(without, &edit.key).into_iter().map(|(_, identity)| identity).collect();
    let mut found: Vec<Finding> = Vec::new();
    for (finding, identity) in found_in(with, &edit.key) {
        match known.iter().position(|other| *other == identity) {
            Some(at) => drop(known.swap_remove(at)),
            None => found.push(finding),
        }
    }
    found.sort_by_key(|finding| finding.severity);
    let told = |finding: Finding| NewFinding {
        place: manifest.place(&finding.path),
        severity: finding.severity.as_str(),
        rule: finding.code.as_str(),
        path: finding.path,
        message: finding.message,
    };
    found.into_iter().map(told).collect()
}

/// What the lint finds in an object; nothing where it is not there or breaks rules, which is said otherwise.
fn found_in(plane: &ControlPlane, key: &ObjectKey) -> Vec<(Finding, Identity)> {
    let bytes = plane.bytes(key);
    let models = [ModelKind::ClusterModel, ModelKind::Model];
    let findings = match models.into_iter().find(|model| model.as_str() == key.kind) {
        Some(kind) => {
            let own = read_model(kind, bytes).map(|model| model.profiles.into_iter().flat_map(|profile| profile.findings).collect());
            let own: Vec<Finding> = own.unwrap_or_default();
            let on_hardware = read_model_spec(bytes).map(|spec| lint_model_on(&spec, &environments(plane))).unwrap_or_default();
            own.into_iter().chain(on_hardware).collect()
        }
        None if key.kind == inference_environment::KIND => {
            read_environment(bytes).map(|environment| lint_environment(&environment)).unwrap_or_default()
        }
        None => Vec::new(),
    };
    let object = plane.object(key);
    let identified = |finding: Finding| {
        let identity = (finding.code, finding.severity, by_name(&object, &finding.path));
        (finding, identity)
    };
    findings.into_iter().map(identified).collect()
}

fn environments(plane: &ControlPlane) -> Vec<Environment> {
    let keys = plane.keys_of(API_VERSION, inference_environment::KIND);
    keys.iter().filter_map(|key| read_environment(plane.bytes(key)).ok()).collect()
}

/// A path with what is listed by its name, and an argument by its option: `spec.serving[vllm].engine.args[--swap-space]`. An element that is
/// added in front of others is no change of theirs.
fn by_name(object: &Value, path: &str) -> String {
    let mut here = Some(object);
    let parts = path.split('.').map(|part| {
        let (field, index) = part.split_once('[').map_or((part, None), |(field, rest)| (field, Some(rest.trim_end_matches(']'))));
        here = here.and_then(|value| value.get(field));
        let Some(index) = index else { return field.to_owned() };
        here = here.and_then(|value| value.get(index.parse::<usize>().ok()?));
        let name = match here {
            Some(Value::String(argument)) => argument.split('=').next(),
            Some(element) => element.get("name").and_then(Value::as_str),
            None => None,
        };
        format!("{field}[{}]", name.unwrap_or(index))
    });
    parts.collect::<Vec<_>>().join(".")
}
