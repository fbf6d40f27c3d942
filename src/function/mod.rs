//! The function protocol: from a request to a response. Sockets never enter this room.

mod holdings;
mod inference_environment;
mod model;
mod model_deployment;
mod observed;
mod progress;
pub mod proto;
pub(crate) mod reading;
mod requirements;
pub(crate) mod response;
mod standing;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::api::input::Input;
use crate::api::metadata::Header;
use crate::api::{API_VERSION, inference_environment as environment_api, model_deployment as deployment_api};
use crate::compose::composition::Composition;
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::spec::violation::join;
use crate::function::proto::{RunFunctionRequest, RunFunctionResponse};
use crate::function::requirements::Requirements;
use crate::structs::from_struct;

/// What one call did, for logs and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The call's identity, as the caller gave it.
    pub tag: String,
    /// The composite resource's kind.
    pub kind: String,
    /// Its namespace; empty where the kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which call of the reconcile it was, from 1 on.
    pub iteration: u32,
    /// How the call ended.
    pub outcome: Outcome,
    /// Placements composed.
    pub placed: u32,
    /// Placements wanted.
    pub wanted: u32,
    /// Rejected environments by reason.
    pub rejected: BTreeMap<String, u32>,
    /// The message of a fatal result.
    pub message: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Something is to be fetched first.
    Waiting,
    /// With a composition.
    #[default]
    Done,
    /// With a fatal result: nothing changes.
    Fatal,
}

/// What is answered to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing yet: these are to be fetched first.
    Waiting(Requirements),
    /// A composition, made with what was fetched for these.
    Done(Requirements, Box<Composition>, Box<Input>),
}

/// Answers a request. The same request always gives the same response. Whatever a user does wrong, and a panic, is a
/// fatal result in the response.
#[must_use]
pub fn run(request: &RunFunctionRequest) -> (RunFunctionResponse, Report) {
    shielded(request, respond)
}

/// Why the deployment of a request is placed where it is: every environment with the checks it went through. Nothing for
/// another kind, and where the request does not hold what a decision needs.
#[must_use]
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

fn respond(request: &RunFunctionRequest) -> (RunFunctionResponse, Report) {
    let composite = request.observed.as_ref().and_then(|state| state.composite.as_ref());
    let header = composite.and_then(|composite| composite.resource.as_deref()).map(from_struct::<Header>);
    let (header, answer) = match header {
        Some(Ok(header)) => {
            let answer = answer(request, &header);
            (header, answer)
        }
        Some(Err(error)) => (Header::default(), refuse(format!("cannot read the composite resource: {error}"))),
        None => (Header::default(), refuse("the request holds no composite resource".to_owned())),
    };
    response::respond(request, &header, answer)
}

fn refuse(message: String) -> Answer {
    let composition = Composition { fatal: Some(message), ..Composition::default() };
    Answer::Done(Requirements::default(), Box::new(composition), Box::default())
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
    refuse(format!(
        "cannot compose a {} of {}; use this function for ModelDeployment, ClusterModel, Model and InferenceEnvironment of {API_VERSION}",
        header.kind, header.api_version
    ))
}

/// The composite resource's bytes.
fn composite(request: &RunFunctionRequest) -> &[u8] {
    let state = request.observed.as_ref();
    state.and_then(|state| state.composite.as_ref()?.resource.as_deref()).unwrap_or_default()
}

/// The step's input.
fn read_input(request: &RunFunctionRequest) -> Result<Input, String> {
    let Some(bytes) = request.input.as_deref() else { return Ok(Input::default()) };
    reading::read_input(bytes).map_err(|violations| format!("input: {}", join(&violations)))
}
