//! The pipeline of a Composition: which input it gives to our function, and what is wrong with that.

use serde_json::Value;

use crate::api::input;
use crate::cli::manifests::Manifest;
use crate::domain::spec::violation::Violation;
use crate::function::reading::read_input;
use crate::structs::to_struct;

/// The kind that says which functions compose a composite resource, and with which input.
pub(crate) const COMPOSITION: (&str, &str) = ("apiextensions.crossplane.io/v1", "Composition");

/// Whether a manifest is a Composition.
pub(crate) fn is_composition(manifest: &Manifest) -> bool {
    (manifest.api_version.as_str(), manifest.kind.as_str()) == COMPOSITION
}

/// The input of our step in a Composition, with the number of the step.
pub(crate) fn our_input(composition: &Value) -> Option<(usize, &Value)> {
    let steps = composition.pointer("/spec/pipeline").and_then(Value::as_array)?;
    let inputs = steps.iter().enumerate().filter_map(|(index, step)| Some((index, step.get("input")?, step)));
    inputs.into_iter().find(|(_, input, step)| is_ours(input, step)).map(|(index, input, _)| (index, input))
}

/// By the group of the input, or by the name that package managers give to the function: what is wrong with one is then said by the other.
fn is_ours(input: &Value, step: &Value) -> bool {
    let group = |version: &str| version.split_once('/').map(|(group, _)| group.to_owned());
    let version = input.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let function = step.pointer("/functionRef/name").and_then(Value::as_str).unwrap_or_default();
    group(version) == group(input::API_VERSION) || function.ends_with(env!("CARGO_PKG_NAME"))
}

/// Whether a manifest is a Composition that gives an input to our function.
pub(crate) fn gives_input(manifest: &Manifest) -> bool {
    is_composition(manifest) && our_input(&manifest.object).is_some()
}

/// The rules that the input in a Composition breaks.
pub(crate) fn broken_input(composition: &Value) -> Vec<Violation> {
    let Some((index, input)) = our_input(composition) else { return Vec::new() };
    let violations = match to_struct(input) {
        Ok(bytes) => read_input(&bytes).err().unwrap_or_default(),
        Err(error) => vec![Violation::new("", error.to_string())],
    };
    let at = |violation: Violation| {
        let path = format!("spec.pipeline[{index}].input.{}", violation.path);
        Violation::of(violation.rule, path.trim_end_matches('.'), violation.message)
    };
    violations.into_iter().map(at).collect()
}
