//! Nothing is deleted by accident: when an answer would have to guess, it is fatal, and Crossplane changes nothing.

use crate::api::model_deployment::{ModelKind, ModelRef};
use crate::compose::conditions::MODEL_INVALID;
use crate::compose::model_deployment::Inputs;
use crate::domain::names::PLACEMENT_ANNOTATION;
use crate::domain::spec::violation::{Violation, join};

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

/// A model that does not exist. Fatal while there are placements.
#[must_use]
pub fn absent_model(inputs: &Inputs) -> Refusal {
    let ModelRef { kind, name } = &inputs.deployment.model_ref;
    let place = match kind {
        ModelKind::ClusterModel => String::new(),
        ModelKind::Model => format!(" in namespace {}", inputs.deployment.namespace),
    };
    let message = format!("spec.modelRef: {} {name} does not exist{place}; create it or name another", kind.as_str());
    Refusal { reason: "ModelNotFound", message }
}

/// A model that is invalid as a whole. Fatal while there are placements.
#[must_use]
pub fn invalid_model(inputs: &Inputs, violations: &[Violation]) -> Refusal {
    let ModelRef { kind, name } = &inputs.deployment.model_ref;
    Refusal { reason: MODEL_INVALID, message: format!("{} {name} is invalid: {}", kind.as_str(), join(violations)) }
}

/// A list of all environments that came back empty, though there are placements.
#[must_use]
pub fn environments_vanished(inputs: &Inputs) -> Option<Refusal> {
    let vanished = inputs.deciding && inputs.environments.is_empty() && !inputs.existing.is_empty();
    vanished.then(|| Refusal {
        reason: "NoEnvironments",
        message: format!(
            "cannot decide: no InferenceEnvironment exists, yet {} placements of this deployment do (annotation {PLACEMENT_ANNOTATION}); \
             nothing is changed until environments are back",
            inputs.existing.len()
        ),
    })
}
