//! The call for an InferenceEnvironment.
//!
//! It sums up what stands on the environment. It does not keep asking for that: since Crossplane v2.4 whatever the last answer requires is
//! watched, and each of the many writes of a serving object would be an event for its environment (two of the hundred that the circuit
//! breaker lets through at once). So the sum goes into the context, and the last answer requires nothing.

use super::request::{composite, read_input, reported_conditions};
use super::{
    answer::Answer, holdings::read_reported, observed::foreign_resources, progress::Progress, proto::RunFunctionRequest,
    reading::read_written_environment, requirements::Requirements, standing::read_standing,
};
use crate::api::environment_ledger::EnvironmentLedger;
use crate::api::inference_environment::{ClusterSource, InferenceEnvironment, KubeconfigSecret};
use crate::api::object::{ObservedProviderConfig, ObservedSecretRef};
use crate::compose::inference_environment::{EnvironmentInputs, compose, reported_pools};
use crate::domain::names::PROVIDER_CONFIG_KEY;
use crate::domain::scheduling::{environment_sum::sum_up, holdings::Standing};
use crate::domain::spec::environment::{Access, Environment, validate_environment};
use crate::domain::spec::violation::join;
use crate::structs::from_struct;

/// Answers a request for an InferenceEnvironment.
pub(crate) fn answer(request: &RunFunctionRequest) -> Answer {
    let settings = match read_input(request) {
        Ok(settings) => settings,
        Err(message) => return Answer::refuse(message),
    };
    let environment = match read_written_environment(composite(request)) {
        Ok(environment) => environment,
        Err(violations) => return Answer::refuse(join(&violations)),
    };
    let foreign = match foreign_resources(request, PROVIDER_CONFIG_KEY) {
        Ok(foreign) => foreign,
        Err(message) => return Answer::refuse(message),
    };
    let ledger = match sum(request, &environment) {
        Ok(ledger) => ledger,
        Err(requirements) => return Answer::Waiting(requirements),
    };
    let requirements = Requirements { carried: ledger.clone(), ..Requirements::default() };
    let composition = compose(&EnvironmentInputs {
        conditions: reported_conditions(request),
        foreign,
        reached_with: reached_with(request),
        provisioned: request.desired.as_ref().is_some_and(|desired| {
            let reported = desired.composite.as_ref().is_some_and(|composite| composite.resource.is_some());
            reported || !desired.resources.is_empty()
        }),
        ledger: ledger.map(|ledger| *ledger),
        environment,
    });
    Answer::Done(requirements, Box::new(composition), Box::new(settings))
}

/// What is promised of the environment's pools, or what must be seen to know it; nothing for an environment that breaks rules.
fn sum(request: &RunFunctionRequest, environment: &InferenceEnvironment) -> Result<Option<Box<EnvironmentLedger>>, Requirements> {
    let progress = Progress::of(request);
    if progress.ledger.is_some() {
        return Ok(progress.ledger);
    }
    let Ok(valid) = validate_environment(&reported_pools(environment)) else { return Ok(None) };
    // The kind of what serves there, whether it can be reached by now or not.
    let access = if environment.spec.cluster.source == ClusterSource::Local { Access::Local } else { Access::Missing };
    let valid = Environment { access, ..valid };
    let mut requirements = Requirements::default();
    requirements.require_placements(&valid.name, valid.access == Access::Local);
    // What v0.1.0 placed has no label until its deployment is composed again.
    let upgrading = environment.status.ledger.as_ref().is_none_or(|ledger| ledger.unlabelled > 0);
    if upgrading {
        requirements.require_deployments();
    }
    let Some(seen) = read_standing(request, &valid).filter(|_| requirements.are_resolved(request)) else { return Err(requirements) };
    let mut standing: Vec<Standing> = seen.into_iter().map(|seen| seen.standing).collect();
    let unlabelled = if upgrading { unlabelled(request, &valid.name, &standing) } else { Vec::new() };
    let count = unlabelled.len();
    standing.extend(unlabelled);
    Ok(Some(Box::new(sum_up(&valid.pools, &standing, count))))
}

/// Placements that only the status of their deployment tells of.
fn unlabelled(request: &RunFunctionRequest, environment: &str, labelled: &[Standing]) -> Vec<Standing> {
    let is_labelled = |standing: &Standing| labelled.iter().any(|labelled| labelled.is_same(standing));
    let reported = read_reported(request, None).into_iter().filter(|(name, standing)| name == environment && !is_labelled(standing));
    reported.map(|(_, standing)| standing).collect()
}

/// The Secret that the cluster is reached with until now.
fn reached_with(request: &RunFunctionRequest) -> Option<KubeconfigSecret> {
    let observed = request.observed.as_ref()?.resources.get(PROVIDER_CONFIG_KEY)?;
    let config: ObservedProviderConfig = from_struct(observed.resource.as_deref()?).ok()?;
    let ObservedSecretRef { name, key } = config.spec.credentials.secret_ref;
    (!name.is_empty()).then_some(KubeconfigSecret { name, key })
}
