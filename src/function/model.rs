//! The call for a ClusterModel or Model: both only describe what can be served.

use super::request::{composite, read_input, reported_conditions};
use super::{answer::Answer, proto::RunFunctionRequest, reading::read_model, requirements::Requirements};
use crate::api::model_deployment::ModelKind;
use crate::compose::model::compose;

/// Answers a request for a model.
pub(crate) fn answer(request: &RunFunctionRequest, kind: ModelKind) -> Answer {
    let settings = match read_input(request) {
        Ok(settings) => settings,
        Err(message) => return Answer::refuse(message),
    };
    let model = read_model(kind, composite(request));
    Answer::Done(Requirements::default(), Box::new(compose(&model, settings.lint, &reported_conditions(request))), Box::new(settings))
}
