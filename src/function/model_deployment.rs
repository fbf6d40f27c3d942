//! The call for a ModelDeployment: read, require only what the decision needs, compose.

use serde::Deserialize;

use crate::api::condition::find;
use crate::api::inference_environment::Availability;
use crate::api::metadata::{Header, Metadata};
use crate::api::model_deployment::ModelRef;
use crate::api::model_deployment_status::{ModelDeploymentStatus, ReportedDeployment};
use crate::compose::composition::Composition;
use crate::compose::conditions::PLACEMENTS_SCHEDULED;
use crate::compose::explanation::{self, ExplainedEnvironment};
use crate::compose::model_deployment::{Inputs, ModelState, compose, plan, refuse_spec};
use crate::domain::holdings::Fleet;
use crate::domain::placement::{EnvironmentState, Environments, InvalidEnvironment};
use crate::domain::schedule::needs_decision;
use crate::domain::violation::join;
use crate::function::holdings::read_holdings;
use crate::function::observed::read_observed;
use crate::function::progress::Progress;
use crate::function::proto::RunFunctionRequest;
use crate::function::reading::{read_deployment, read_environment, read_model};
use crate::function::requirements::{ENVIRONMENTS, Requirements, environment_key, fetched, model_key};
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
    let deployment = read_deployment(composite(request)).map_err(|violations| refuse("SpecInvalid", join(&violations), &status))?;
    let observed = read_observed(request).map_err(|message| refuse("ObservedUnreadable", message, &status))?;
    let existing = observed.placements(&status, &deployment);
    let mut requirements = Requirements::default();
    requirements.require_model(&deployment.model_ref, &deployment.namespace);
    for placement in &existing {
        requirements.require_environment(&placement.environment);
    }
    // Once asked for, all environments are asked for until the reconcile ends.
    let asked = Progress::of(request).asked.contains(ENVIRONMENTS);
    // What was short before may fit today.
    let short = find(&status.conditions, PLACEMENTS_SCHEDULED).is_some_and(|condition| condition.status == "False");
    let deciding = short || needs_decision(&deployment, &existing);
    let everything = asked || deciding;
    if everything {
        requirements.require_everything();
    }
    if !requirements.are_resolved(request) {
        return Err(Answer::Waiting(requirements));
    }
    let inputs = Inputs {
        model: find_model(request, &deployment.model_ref),
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

fn find_model(request: &RunFunctionRequest, reference: &ModelRef) -> ModelState {
    let Some(resource) = fetched(request, &model_key(reference)).next() else { return ModelState::Absent };
    match read_model(reference.kind, resource.resource.as_deref().unwrap_or_default()) {
        Ok(model) => ModelState::Usable(model),
        Err(violations) => ModelState::Invalid(violations),
    }
}

/// All environments that were fetched, in the list or by name.
fn read_environments<'a>(request: &RunFunctionRequest, own: impl Iterator<Item = &'a str>) -> Environments {
    let keys = std::iter::once(ENVIRONMENTS.to_owned()).chain(own.map(environment_key));
    let mut environments = Environments::new();
    for resource in keys.flat_map(|key| fetched(request, &key).collect::<Vec<_>>()) {
        let (name, state) = judge_environment(resource.resource.as_deref().unwrap_or_default());
        environments.entry(name).or_insert(state);
    }
    environments
}

fn judge_environment(bytes: &[u8]) -> (String, EnvironmentState) {
    let violations = match read_environment(bytes) {
        Ok(usable) => return (usable.name.clone(), EnvironmentState::Usable(Box::new(usable))),
        Err(violations) => violations,
    };
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
