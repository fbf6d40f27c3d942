//! What the composition of a ModelDeployment depends on, and the plan that follows from it.

use super::observed::Observed;
use crate::api::{input::Input, model_deployment_status::ModelDeploymentStatus};
use crate::domain::scheduling::placement::{Environments, Existing, Missing, Placement};
use crate::domain::scheduling::schedule::{Plan, schedule};
use crate::domain::scheduling::{holdings::Fleet, matching::Wish, situation::Situation};
use crate::domain::spec::{deployment::Deployment, model::Model, violation::Violation};

/// Everything the composition of a ModelDeployment depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The deployment.
    pub deployment: Deployment,
    /// The status that was reported before.
    pub status: ModelDeploymentStatus,
    /// The step's input.
    pub settings: Input,
    /// What exists.
    pub observed: Observed,
    /// The placements that exist.
    pub existing: Vec<Existing>,
    /// The model.
    pub model: ModelState,
    /// The environments that were looked up.
    pub environments: Environments,
    /// Placements that were reported and are not seen.
    pub missing: Vec<Missing>,
    /// What other deployments hold in these environments, as far as it is known.
    pub fleet: Fleet,
    /// Whether all environments were looked up, because something is to be decided.
    pub deciding: bool,
}

/// What is known of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelState {
    /// It does not exist.
    Absent,
    /// It is invalid as a whole.
    Invalid(Vec<Violation>),
    /// It can be used.
    Usable(Model),
}

impl Inputs {
    /// What exists of a placement.
    pub fn existing(&self, placement: &Placement) -> Option<&Existing> {
        self.existing.iter().find(|existing| existing.slot == placement.slot && existing.place.topology == placement.place.topology)
    }
}

/// The plan for a deployment; none without a model that can be used.
pub fn plan(inputs: &Inputs) -> Option<Plan> {
    let ModelState::Usable(model) = &inputs.model else { return None };
    Some(schedule(situation(inputs, model)))
}

/// What a plan for a deployment depends on.
pub fn situation<'a>(inputs: &'a Inputs, model: &'a Model) -> Situation<'a> {
    Situation {
        wish: Wish { deployment: &inputs.deployment, model, rdma: inputs.settings.rdma, lint: inputs.settings.lint },
        environments: &inputs.environments,
        existing: &inputs.existing,
        missing: &inputs.missing,
        fleet: &inputs.fleet,
        deciding: inputs.deciding,
        explain: false,
    }
}
