//! The call for a ModelDeployment: read, require only what the decision needs, compose.

use super::reading::{judge_environment, read_deployment, read_model};
use super::request::{composite, read_input};
use super::requirements::{ENVIRONMENTS, Requirements, environment_key, fetched, model_key, placements_key};
use super::{
    answer::Answer, holdings::read_reported, observed::read_observed, progress::Progress, proto::RunFunctionRequest,
    standing::read_standing,
};
use crate::api::model_deployment_status::{ModelDeploymentStatus, ReportedDeployment};
use crate::api::{model_deployment::ModelRef, words::Undecided};
use crate::compose::existing::{existing_placements, missing_placements};
use crate::compose::explanation::{self, ExplainedEnvironment};
use crate::compose::inputs::{Inputs, ModelState, plan};
use crate::compose::{model_deployment::compose, refusal::refuse_spec};
use crate::domain::scheduling::holdings::{Fleet, Standing};
use crate::domain::scheduling::placement::{Environments, Existing};
use crate::domain::scheduling::schedule::{Plan, needs_decision};
use crate::domain::scheduling::{environment_sum::held_by_others, ledger::Charge, search::usable};
use crate::domain::spec::environment::{Access, Environment};
use crate::domain::spec::violation::join;
use crate::structs::from_struct;

/// The last call of a reconcile that may still ask for something: Crossplane gives up after six (v2.3 and v2.4), and the sixth must ask for
/// no more than the fifth.
const LAST_QUESTION: u32 = 5;

/// Answers a request for a ModelDeployment.
pub(crate) fn answer(request: &RunFunctionRequest) -> Answer {
    match read_inputs(request) {
        Ok((requirements, inputs, plan)) => Answer::Done(requirements, Box::new(compose(&inputs, plan)), Box::new(inputs.settings)),
        Err(answer) => answer,
    }
}

/// Every environment as the deployment of a request sees it, with the checks it went through; nothing where the request
/// does not hold what a decision needs.
pub(crate) fn explain(request: &RunFunctionRequest) -> Vec<ExplainedEnvironment> {
    read_inputs(request).map(|(_, inputs, _)| explanation::explain(&inputs)).unwrap_or_default()
}

/// Everything that a composition depends on, and the plan that was made of it, or the answer where that cannot be had.
fn read_inputs(request: &RunFunctionRequest) -> Result<(Requirements, Inputs, Option<Plan>), Answer> {
    // A status that is damaged or of another version is forgotten, not an error: placements are observed.
    let status = from_struct::<ReportedDeployment>(composite(request)).unwrap_or_default().status;
    let settings = read_input(request).map_err(|message| refuse(Undecided::InputInvalid, message, &status))?;
    let deployment =
        read_deployment(composite(request)).map_err(|violations| refuse(Undecided::SpecInvalid, join(&violations), &status))?;
    let observed = read_observed(request).map_err(|message| refuse(Undecided::ObservedUnreadable, message, &status))?;
    let mut inputs = Inputs {
        existing: existing_placements(&observed, &status, &deployment),
        missing: missing_placements(&observed, &status),
        model: ModelState::Absent,
        environments: Environments::new(),
        fleet: Fleet::default(),
        deciding: false,
        deployment,
        status,
        settings,
        observed,
    };
    let progress = Progress::of(request);
    let mut requirements = Requirements::default();
    requirements.require_model(&inputs.deployment.model_ref, &inputs.deployment.namespace);
    inputs.existing.iter().for_each(|placement| requirements.require_environment(&placement.place.environment));
    // Once asked for, all environments are asked for until the reconcile ends.
    let deciding = progress.asked.contains(ENVIRONMENTS) || needs_decision(&inputs.deployment, &inputs.existing);
    look_up(request, &mut requirements, &mut inputs, deciding)?;
    let mut planned = plan(&inputs);
    if !inputs.deciding && planned.as_ref().is_some_and(|plan| !plan.is_steady(&inputs.deployment)) {
        look_up(request, &mut requirements, &mut inputs, true)?;
        planned = plan(&inputs);
    }
    verify(&progress, &mut requirements, &inputs, planned.as_ref())?;
    Ok((requirements, inputs, planned))
}

/// Looks up the model and the environments: its own, or all where something is to be decided.
fn look_up(request: &RunFunctionRequest, requirements: &mut Requirements, inputs: &mut Inputs, deciding: bool) -> Result<(), Answer> {
    if deciding {
        requirements.require_environments();
    }
    resolve(request, requirements)?;
    inputs.model = find_model(request, &inputs.deployment.model_ref);
    inputs.environments =
        read_environments(request, inputs.existing.iter().map(|placement| placement.place.environment.as_str()), deciding);
    inputs.deciding = deciding;
    if deciding && usable_environments(inputs).any(is_upgrading) {
        requirements.require_deployments();
        resolve(request, requirements)?;
    }
    inputs.fleet = read_fleet(request, inputs);
    Ok(())
}

fn usable_environments(inputs: &Inputs) -> impl Iterator<Item = &Environment> + Clone {
    inputs.environments.keys().filter_map(|name| usable(&inputs.environments, name))
}

/// Whether something may stand there of which only the status of its deployment tells, as v0.1.0 left it.
fn is_upgrading(environment: &Environment) -> bool {
    environment.ledger.as_ref().is_none_or(|sum| sum.unlabelled > 0)
}

fn resolve(request: &RunFunctionRequest, requirements: &Requirements) -> Result<(), Answer> {
    if requirements.are_resolved(request) { Ok(()) } else { Err(Answer::Waiting(requirements.clone())) }
}

/// Asks for what stands on the environments that the plan relies on by their sum only.
fn verify(progress: &Progress, requirements: &mut Requirements, inputs: &Inputs, plan: Option<&Plan>) -> Result<(), Answer> {
    let is_local = |environment: &Environment| environment.access == Access::Local;
    for environment in usable_environments(inputs) {
        let key = placements_key(&environment.name, is_local(environment));
        if progress.asked.contains(&key) {
            requirements.require_placements(&environment.name, is_local(environment));
        }
    }
    let Some(Plan { unverified, .. }) = plan else { return Ok(()) };
    if unverified.is_empty() || progress.calls >= LAST_QUESTION {
        return Ok(());
    }
    for environment in usable_environments(inputs).filter(|environment| unverified.contains(&environment.name)) {
        requirements.require_placements(&environment.name, is_local(environment));
    }
    Err(Answer::Waiting(requirements.clone()))
}

/// What others hold: as the serving resources say where they were fetched, else as the environment's sum says, else as the status of each
/// deployment says.
fn read_fleet(request: &RunFunctionRequest, inputs: &Inputs) -> Fleet {
    let deployment = &inputs.deployment;
    let reported = read_reported(request, Some(deployment));
    let mut fleet = Fleet::default();
    for environment in usable_environments(inputs) {
        let name = &environment.name;
        let seen = read_standing(request, environment);
        let is_labelled = |standing: &Standing| seen.iter().flatten().any(|seen| seen.standing.is_same(standing));
        let here = reported.iter().filter(|(environment, standing)| environment == name && !is_labelled(standing));
        let unlabelled = here.filter(|_| is_upgrading(environment)).flat_map(|(_, standing)| standing.clone().holdings(name));
        if seen.is_some() {
            let others = seen.iter().flatten().filter(|seen| !seen.is_of(deployment));
            fleet.add(name, others.flat_map(|seen| seen.standing.clone().holdings(name)).chain(unlabelled));
        } else if let Some(sum) = &environment.ledger {
            let own = inputs.existing.iter().filter(|existing| existing.place.environment == *name && existing.is_settled());
            let own: Vec<Charge> = own.flat_map(Existing::charges).collect();
            fleet.add_sum(name, held_by_others(environment, sum, &deployment.holder(), &own));
        } else {
            fleet.add_sum(name, unlabelled);
        }
    }
    fleet
}

fn refuse(reason: Undecided, message: String, status: &ModelDeploymentStatus) -> Answer {
    Answer::refused(refuse_spec(reason, message, &status.conditions))
}

fn find_model(request: &RunFunctionRequest, reference: &ModelRef) -> ModelState {
    let Some(resource) = fetched(request, &model_key(reference)).next() else { return ModelState::Absent };
    match read_model(reference.kind, resource.resource.as_deref().unwrap_or_default()) {
        Ok(model) => ModelState::Usable(model),
        Err(violations) => ModelState::Invalid(violations),
    }
}

/// Environments that were fetched: those by name and, where they are asked for, all.
fn read_environments<'a>(request: &RunFunctionRequest, own: impl Iterator<Item = &'a str>, all: bool) -> Environments {
    let keys = all.then(|| ENVIRONMENTS.to_owned()).into_iter().chain(own.map(environment_key));
    let mut environments = Environments::new();
    for resource in keys.flat_map(|key| fetched(request, &key).collect::<Vec<_>>()) {
        let (name, state) = judge_environment(resource.resource.as_deref().unwrap_or_default());
        environments.entry(name).or_insert(state);
    }
    environments
}
