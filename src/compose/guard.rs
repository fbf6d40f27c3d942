//! Nothing is deleted by accident: when an answer would have to guess, it is fatal, and Crossplane changes nothing.

use crate::compose::conditions::MODEL_INVALID;
use crate::compose::model_deployment::{Inputs, ModelState};
use crate::domain::names::PLACEMENT_ANNOTATION;
use crate::domain::violation::join;

/// Why a deployment's placements cannot be decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One word.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}

/// Serving resources that no step wants would be deleted; the answer would be the end of what they serve.
#[must_use]
pub fn foreign_resources(inputs: &Inputs) -> Option<Refusal> {
    let foreign = &inputs.observed.foreign;
    (!foreign.is_empty()).then(|| Refusal {
        reason: "ForeignResources",
        message: format!(
            "cannot take over: {} would be deleted, because no step of the pipeline wants it; keep the function that composed it in the \
             pipeline, or delete it yourself, or move the deployment to a new name",
            foreign.join(", ")
        ),
    })
}

/// A model that cannot be used. Fatal while there are placements.
#[must_use]
pub fn unusable_model(inputs: &Inputs) -> Option<Refusal> {
    let reference = &inputs.deployment.model_ref;
    let (kind, name) = (reference.kind.as_str(), &reference.name);
    match &inputs.model {
        ModelState::Usable(_) => None,
        ModelState::Absent => Some(Refusal {
            reason: "ModelNotFound",
            message: format!("spec.modelRef: {kind} {name} does not exist; create it or name another"),
        }),
        ModelState::Invalid(violations) => {
            Some(Refusal { reason: MODEL_INVALID, message: format!("{kind} {name} is invalid: {}", join(violations)) })
        }
    }
}

/// A list of all environments that came back empty, though there are placements.
#[must_use]
pub fn environments_vanished(inputs: &Inputs) -> Option<Refusal> {
    let vanished = inputs.listed == Some(0) && !inputs.existing.is_empty();
    vanished.then(|| Refusal {
        reason: "NoEnvironments",
        message: format!(
            "cannot decide: no InferenceEnvironment exists, yet {} placements of this deployment do (annotation {PLACEMENT_ANNOTATION}); \
             nothing is changed until environments are back",
            inputs.existing.len()
        ),
    })
}
