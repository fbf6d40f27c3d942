//! Nothing is deleted by accident: when an answer would have to guess, it is fatal, and Crossplane changes nothing.

use super::composition::{CompositeStatus, Composition, Desired, Tally};
use super::deployment_conditions::{phase_conditions, resolved};
use super::inputs::{Inputs, ModelState};
use super::{conditions::NewCondition, events::events, model::profile_valid};
use crate::api::condition::{Condition, Status, find};
use crate::api::model_deployment::{ModelKind, ModelRef};
use crate::api::words::{ConditionType, Undecided};
use crate::domain::names::PLACEMENT_ANNOTATION;
use crate::domain::scheduling::placement::Placement;
use crate::domain::spec::model::Model;
use crate::domain::spec::violation::{Violation, join};

/// Why a deployment's placements cannot be decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One word.
    pub reason: Undecided,
    /// One sentence.
    pub message: String,
    /// The path of the field that is to blame; empty where there is none.
    pub field: &'static str,
}

/// Serving resources that no step wants would be deleted; the answer would be the end of what they serve.
fn foreign_resources(inputs: &Inputs) -> Option<Refusal> {
    let foreign = &inputs.observed.foreign;
    (!foreign.is_empty()).then(|| Refusal {
        reason: Undecided::ForeignResources,
        message: format!(
            "cannot take over: {} would be deleted, because no step of the pipeline wants it; keep the function that composed it in the \
             pipeline, or delete it yourself, or move the deployment to a new name",
            foreign.join(", ")
        ),
        field: "",
    })
}

/// A model that does not exist. Fatal while there are placements.
fn absent_model(inputs: &Inputs) -> Refusal {
    let ModelRef { kind, name } = &inputs.deployment.model_ref;
    let place = match kind {
        ModelKind::ClusterModel => String::new(),
        ModelKind::Model => format!(" in namespace {}", inputs.deployment.namespace),
    };
    let message = format!("spec.modelRef: {} {name} does not exist{place}; create it or name another", kind.as_str());
    Refusal { reason: Undecided::ModelNotFound, message, field: "spec.modelRef" }
}

/// A model that is invalid as a whole. Fatal while there are placements.
fn invalid_model(inputs: &Inputs, violations: &[Violation]) -> Refusal {
    let ModelRef { kind, name } = &inputs.deployment.model_ref;
    Refusal { reason: Undecided::ModelInvalid, message: format!("{} {name} is invalid: {}", kind.as_str(), join(violations)), field: "" }
}

/// A list of all environments that came back empty, though there are placements.
fn environments_vanished(inputs: &Inputs) -> Option<Refusal> {
    let vanished = inputs.deciding && inputs.environments.is_empty() && !inputs.existing.is_empty();
    vanished.then(|| Refusal {
        reason: Undecided::NoEnvironments,
        message: format!(
            "cannot decide: no InferenceEnvironment exists, yet {} placements of this deployment do (annotation {PLACEMENT_ANNOTATION}); \
             nothing is changed until environments are back",
            inputs.existing.len()
        ),
        field: "",
    })
}

/// A placement that is planned and has no serving object in the answer: that object would be deleted.
pub fn lost_placement(placement: &Placement) -> Refusal {
    Refusal { reason: Undecided::PlacementLost, message: format!("{} would be lost, so nothing is changed", placement.place), field: "" }
}

/// The model, where something can be decided with it.
///
/// # Errors
/// The answer where nothing can be.
pub fn decidable(inputs: &Inputs) -> Result<&Model, Box<Composition>> {
    let refused = |refusal: &Refusal| Err(Box::new(refuse(inputs, refusal)));
    // Where there is nothing to lose the status says so, and that is all.
    let unusable =
        |refusal: &Refusal| if inputs.existing.is_empty() { Err(Box::new(hold_back(inputs, refusal))) } else { refused(refusal) };
    if let Some(refusal) = foreign_resources(inputs) {
        return refused(&refusal);
    }
    match (&inputs.model, environments_vanished(inputs)) {
        (ModelState::Absent, _) => unusable(&absent_model(inputs)),
        (ModelState::Invalid(violations), _) => unusable(&invalid_model(inputs, violations)),
        (ModelState::Usable(_), Some(refusal)) => refused(&refusal),
        (ModelState::Usable(model), None) => Ok(model),
    }
}

/// The answer to what must not be decided: nothing changes.
pub fn refuse(inputs: &Inputs, refusal: &Refusal) -> Composition {
    let Refusal { message, field, .. } = refusal.clone();
    Composition::Refused { message, field: field.to_owned(), conditions: conditions(inputs, refusal), tally: tally(inputs) }
}

/// The answer to what cannot be decided where there is nothing to lose: a status without placements.
fn hold_back(inputs: &Inputs, refusal: &Refusal) -> Composition {
    let conditions = conditions(inputs, refusal);
    // One Warning, when the condition is new.
    let told = conditions.iter().filter(|condition| condition.kind == ConditionType::PlacementsScheduled);
    Composition::Composed(Desired {
        unready: true,
        tally: tally(inputs),
        events: events(told, &inputs.status.conditions),
        conditions,
        status: Some(CompositeStatus::ModelDeployment(Box::default())),
        ..Desired::default()
    })
}

fn tally(inputs: &Inputs) -> Tally {
    Tally { wanted: inputs.deployment.environments, placed: inputs.existing.len(), ..Tally::default() }
}

fn conditions(inputs: &Inputs, refusal: &Refusal) -> Vec<NewCondition> {
    let because = |condition, status| NewCondition::new(refusal.reason.of(condition, status), &refusal.message);
    let (resolved, profiles) = match &inputs.model {
        ModelState::Usable(model) => (resolved(inputs), profile_valid(model, inputs.settings.lint)),
        ModelState::Absent => (because(ConditionType::ModelResolved, Status::False), because(ConditionType::ProfileValid, Status::Unknown)),
        ModelState::Invalid(_) => {
            (because(ConditionType::ModelResolved, Status::False), because(ConditionType::ProfileValid, Status::False))
        }
    };
    let serving = if inputs.existing.is_empty() { Status::False } else { Status::Unknown };
    let mut conditions = vec![resolved, profiles, because(ConditionType::PlacementsScheduled, Status::False)];
    conditions.extend(phase_conditions(inputs, |condition, _| because(condition, serving)));
    conditions.push(because(ConditionType::PlacementsReady, serving));
    conditions
}

/// The answer to a deployment, or an input, that breaks rules: nothing may change. `observed` are the conditions that were reported before.
pub fn refuse_spec(reason: Undecided, message: String, observed: &[Condition]) -> Composition {
    use ConditionType::{DecodeReady, ModelResolved, PlacementsReady, PlacementsScheduled, PrefillReady, ProfileValid};
    let always = [ModelResolved, ProfileValid, PlacementsScheduled, PlacementsReady];
    let phases = [DecodeReady, PrefillReady].into_iter().filter(|condition| find(observed, condition.as_str()).is_some());
    let because = |condition| {
        let status = if condition == PlacementsScheduled { Status::False } else { Status::Unknown };
        NewCondition::new(reason.of(condition, status), &message)
    };
    let conditions = always.into_iter().chain(phases).map(because).collect();
    Composition::Refused { message, field: String::new(), conditions, tally: Tally::default() }
}
