//! The call for an InferenceEnvironment.

use crate::api::inference_environment::InferenceEnvironment;
use crate::compose::inference_environment::{Inputs, compose};
use crate::domain::names::PROVIDER_CONFIG_KEY;
use crate::function::catalog::reported_conditions;
use crate::function::observed::foreign_resources;
use crate::function::proto::RunFunctionRequest;
use crate::function::requirements::Requirements;
use crate::function::structs::from_struct;
use crate::function::{Answer, composite, read_input, refuse};

/// Answers a request for an InferenceEnvironment.
pub(crate) fn answer(request: &RunFunctionRequest) -> Answer {
    let settings = match read_input(request) {
        Ok(settings) => settings,
        Err(message) => return refuse(message),
    };
    let environment: InferenceEnvironment = match from_struct(composite(request)) {
        Ok(environment) => environment,
        Err(error) => return refuse(error.to_string()),
    };
    let foreign = match foreign_resources(request, PROVIDER_CONFIG_KEY) {
        Ok(foreign) => foreign,
        Err(message) => return refuse(message),
    };
    let composition = compose(&Inputs {
        environment,
        conditions: reported_conditions(request),
        foreign,
        provisioned: request.desired.as_ref().is_some_and(|desired| {
            let reported = desired.composite.as_ref().is_some_and(|composite| composite.resource.is_some());
            reported || !desired.resources.is_empty()
        }),
    });
    Answer::Done(Requirements::default(), Box::new(composition), Box::new(settings))
}
