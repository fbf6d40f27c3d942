//! The function protocol: from a request to a response. Sockets never enter this room.

mod answer;
mod holdings;
mod inference_environment;
mod model;
mod model_deployment;
mod observed;
mod progress;
pub mod proto;
pub(crate) mod reading;
mod report;
mod request;
mod requirements;
pub(crate) mod response;
mod standing;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::api::metadata::Header;
use crate::api::{API_VERSION, inference_environment as environment_api, model_deployment as deployment_api};
use crate::compose::explanation::ExplainedEnvironment;
use crate::function::answer::Answer;
use crate::function::proto::{RunFunctionRequest, RunFunctionResponse};
use crate::structs::from_struct;
pub use report::{Outcome, Report};

/// Answers a request. The same request always gives the same response. Whatever a user does wrong, and a panic, is a
/// fatal result in the response.
pub fn run(request: &RunFunctionRequest) -> (RunFunctionResponse, Report) {
    shielded(request, respond)
}

/// Why the deployment of a request is placed where it is: every environment with the checks it went through. Nothing for
/// another kind, and where the request does not hold what a decision needs.
pub fn explain(request: &RunFunctionRequest) -> Vec<ExplainedEnvironment> {
    model_deployment::explain(request)
}

/// What `answer` says to a request; where it panics, a fatal result: an error of gRPC would have no conditions.
pub fn shielded(
    request: &RunFunctionRequest,
    answer: impl FnOnce(&RunFunctionRequest) -> (RunFunctionResponse, Report),
) -> (RunFunctionResponse, Report) {
    catch_unwind(AssertUnwindSafe(|| answer(request))).unwrap_or_else(|_| response::after_panic(request))
}

/// The same; a panic is not caught.
pub(crate) fn respond(request: &RunFunctionRequest) -> (RunFunctionResponse, Report) {
    let composite = request.observed.as_ref().and_then(|state| state.composite.as_ref());
    let header = composite.and_then(|composite| composite.resource.as_deref()).map(from_struct::<Header>);
    let (header, answer) = match header {
        Some(Ok(header)) => {
            let answer = answer(request, &header);
            (header, answer)
        }
        Some(Err(error)) => (Header::default(), Answer::refuse(format!("cannot read the composite resource: {error}"))),
        None => (Header::default(), Answer::refuse("the request holds no composite resource".to_owned())),
    };
    response::respond(request, &header, answer)
}

/// Dispatches by the composite resource's kind.
fn answer(request: &RunFunctionRequest, header: &Header) -> Answer {
    if header.api_version == API_VERSION {
        match header.kind.as_str() {
            deployment_api::KIND => return model_deployment::answer(request),
            "ClusterModel" => return model::answer(request, deployment_api::ModelKind::ClusterModel),
            "Model" => return model::answer(request, deployment_api::ModelKind::Model),
            environment_api::KIND => return inference_environment::answer(request),
            _ => {}
        }
    }
    Answer::refuse(format!(
        "cannot compose a {} of {}; use this function for ModelDeployment, ClusterModel, Model and InferenceEnvironment of {API_VERSION}",
        header.kind, header.api_version
    ))
}
