//! The call for a ModelDeployment: read, require only what the decision needs, compose.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::api::condition::find;
use crate::api::inference_environment::{Availability, InferenceEnvironment};
use crate::api::metadata::{Header, Metadata};
use crate::api::model::Model as ApiModel;
use crate::api::model_deployment::{ModelDeployment, ModelRef};
use crate::api::model_deployment_status::{ModelDeploymentStatus, ReportedDeployment};
use crate::compose::composition::Composition;
use crate::compose::conditions::PLACEMENTS_SCHEDULED;
use crate::compose::explanation::{self, ExplainedEnvironment};
use crate::compose::model_deployment::{Inputs, ModelState, compose, plan, refuse_spec};
use crate::domain::deployment::{Deployment, validate_deployment};
use crate::domain::environment::validate_environment;
use crate::domain::holdings::Fleet;
use crate::domain::model::validate_model;
use crate::domain::placement::{EnvironmentState, Environments, InvalidEnvironment};
use crate::domain::schedule::needs_decision;
use crate::domain::violation::{Violation, join};
use crate::function::holdings::read_holdings;
use crate::function::observed::read_observed;
use crate::function::proto::{Resource, RunFunctionRequest};
use crate::function::requirements::{ENVIRONMENTS, MODEL, Requirements, environment_key, fetched};
use crate::function::structs::from_struct;
use crate::function::{Answer, composite, read_input};

/// Answers a request for a ModelDeployment.
pub(crate) fn answer(request: &RunFunctionRequest) -> Answer {
    match read_inputs(request) {
        Ok((requirements, inputs)) => Answer::Done(requirements, Box::new(compose(&inputs)), Box::new(inputs.settings)),
        Err(answer) => answer,
    }
}

/// Every environment as the deployment of a request sees it, with the checks it went through; nothing where the request
/// does not hold what a decision needs.
pub(crate) fn explain(request: &RunFunctionRequest) -> Vec<ExplainedEnvironment> {
    read_inputs(request).map(|(_, inputs)| explanation::explain(&inputs)).unwrap_or_default()
}

/// Everything that a composition depends on, or the answer where that cannot be had.
fn read_inputs(request: &RunFunctionRequest) -> Result<(Requirements, Inputs), Answer> {
    // A status that is damaged or of another version is forgotten, not an error: placements are observed.
    let status = from_struct::<ReportedDeployment>(composite(request)).unwrap_or_default().status;
    let settings = read_input(request).map_err(|message| refuse("InputInvalid", message, &status))?;
    let deployment = read_deployment(request).map_err(|message| refuse("SpecInvalid", message, &status))?;
    let observed = read_observed(request).map_err(|message| refuse("ObservedUnreadable", message, &status))?;
    let existing = observed.placements(&status, &deployment);
    let mut requirements = Requirements::default();
    requirements.require_model(&deployment.model_ref, &deployment.namespace);
    for placement in &existing {
        requirements.require_environment(&placement.environment);
    }
    // Once asked for, all environments are asked for until the reconcile ends.
    let asked = request.required_resources.contains_key(ENVIRONMENTS);
    // What was short before may fit today.
    let short = find(&status.conditions, PLACEMENTS_SCHEDULED).is_some_and(|condition| condition.status == "False");
    let deciding = short || needs_decision(&deployment, &existing);
    requirements.widened = asked && !deciding;
    let everything = asked || deciding;
    if everything {
        requirements.require_everything();
    }
    if !requirements.are_resolved(request) {
        return Err(Answer::Waiting(requirements));
    }
    let inputs = Inputs {
        model: read_model(request, &deployment.model_ref),
        environments: read_environments(request, existing.iter().map(|placement| placement.environment.as_str())),
        fleet: everything.then(|| Fleet::new(read_holdings(request, &deployment))),
        deployment,
        status,
        settings,
        observed,
        existing,
    };
    if !everything
        && let ModelState::Usable(model) = &inputs.model
        && !plan(&inputs, model).is_steady(&inputs.deployment, &inputs.existing)
    {
        requirements.require_everything();
        return Err(Answer::Waiting(requirements));
    }
    Ok((requirements, inputs))
}

fn refuse(reason: &str, message: String, status: &ModelDeploymentStatus) -> Answer {
    let composition: Composition = refuse_spec(reason, message, &status.conditions);
    Answer::Done(Requirements::default(), Box::new(composition), Box::default())
}

fn read_deployment(request: &RunFunctionRequest) -> Result<Deployment, String> {
    let deployment: ModelDeployment = from_struct(composite(request)).map_err(|error| error.to_string())?;
    validate_deployment(&deployment).map_err(|violations| join(&violations))
}

/// Reads an object, or says which field is wrong.
fn read<T: DeserializeOwned>(resource: &Resource) -> Result<T, Vec<Violation>> {
    let bytes = resource.resource.as_deref().unwrap_or_default();
    from_struct(bytes).map_err(|error| vec![Violation::new(error.path, error.message)])
}

fn read_model(request: &RunFunctionRequest, reference: &ModelRef) -> ModelState {
    let Some(resource) = fetched(request, MODEL).next() else { return ModelState::Absent };
    match read::<ApiModel>(resource).and_then(|model| validate_model(reference.kind, &model)) {
        Ok(model) => ModelState::Usable(model),
        Err(violations) => ModelState::Invalid(violations),
    }
}

/// All environments that were fetched, in the list or by name.
fn read_environments<'a>(request: &RunFunctionRequest, own: impl Iterator<Item = &'a str>) -> Environments {
    let keys = std::iter::once(ENVIRONMENTS.to_owned()).chain(own.map(environment_key));
    let mut environments = Environments::new();
    for resource in keys.flat_map(|key| fetched(request, &key).collect::<Vec<_>>()) {
        let (name, state) = read_environment(resource);
        environments.entry(name).or_insert(state);
    }
    environments
}

fn read_environment(resource: &Resource) -> (String, EnvironmentState) {
    let read = read::<InferenceEnvironment>(resource);
    let violations = match read.and_then(|environment| validate_environment(&environment)) {
        Ok(usable) => return (usable.name.clone(), EnvironmentState::Usable(Box::new(usable))),
        Err(violations) => violations,
    };
    let bytes = resource.resource.as_deref().unwrap_or_default();
    let Metadata { name, deletion_timestamp, .. } = from_struct::<Header>(bytes).unwrap_or_default().metadata;
    let availability = from_struct::<Emptied>(bytes).unwrap_or_default().spec.availability;
    (name, EnvironmentState::Invalid(InvalidEnvironment { violations, deleting: deletion_timestamp.is_some(), availability }))
}

/// An environment of which only is read whether it is being emptied, whatever else is wrong with it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Emptied {
    spec: EmptiedSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EmptiedSpec {
    availability: Availability,
}
