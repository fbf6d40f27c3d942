//! What every request holds beside what is fetched for it: the composite resource and the step's input.

use serde::Deserialize;

use super::{proto::RunFunctionRequest, reading};
use crate::api::{condition::Condition, input::Input};
use crate::domain::spec::violation::join;
use crate::structs::from_struct;

/// An object of which only the conditions are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Conditioned {
    /// The status.
    pub(crate) status: Conditions,
}

/// A status of which only the conditions are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Conditions {
    /// The conditions.
    pub(crate) conditions: Vec<Condition>,
}

/// The conditions that were reported before.
pub(crate) fn reported_conditions(request: &RunFunctionRequest) -> Vec<Condition> {
    from_struct::<Conditioned>(composite(request)).unwrap_or_default().status.conditions
}

/// The composite resource's bytes.
pub(crate) fn composite(request: &RunFunctionRequest) -> &[u8] {
    let state = request.observed.as_ref();
    state.and_then(|state| state.composite.as_ref()?.resource.as_deref()).unwrap_or_default()
}

/// The step's input.
///
/// # Errors
/// The rules that it breaks.
pub(crate) fn read_input(request: &RunFunctionRequest) -> Result<Input, String> {
    let Some(bytes) = request.input.as_deref() else { return Ok(Input::default()) };
    reading::read_input(bytes).map_err(|violations| format!("input: {}", join(&violations)))
}
