//! The call for a ClusterModel or Model: both only describe what can be served.

use serde::Deserialize;

use crate::api::condition::Condition;
use crate::api::model_deployment::ModelKind;
use crate::compose::model::compose;
use crate::function::proto::RunFunctionRequest;
use crate::function::reading::read_model;
use crate::function::requirements::Requirements;
use crate::function::{Answer, composite, read_input, refuse};
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

/// Answers a request for a model.
pub(crate) fn answer(request: &RunFunctionRequest, kind: ModelKind) -> Answer {
    let settings = match read_input(request) {
        Ok(settings) => settings,
        Err(message) => return refuse(message),
    };
    let model = read_model(kind, composite(request));
    Answer::Done(Requirements::default(), Box::new(compose(&model, settings.lint, &reported_conditions(request))), Box::new(settings))
}
