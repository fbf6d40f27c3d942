//! What the function wants to exist, and what it has to say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{conditions::NewCondition, events::Event};
use crate::api::object::{ClusterProviderConfig, Object, PlainObject};
use crate::api::{
    inference_environment::InferenceEnvironmentStatus, llm_inference_service::LlmInferenceService,
    model_deployment_status::ModelDeploymentStatus, scaled_object::ScaledObject,
};

/// The whole answer to one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Composition {
    /// Nothing at all may change.
    Refused {
        /// Why, in a sentence.
        message: String,
        /// The path of the field that is to blame; empty where there is none.
        field: String,
        /// What is said of it; what was reported before stays where this is empty.
        conditions: Vec<NewCondition>,
        /// Numbers for logs and metrics.
        tally: Tally,
    },
    /// What is to be.
    Composed(Desired),
}

impl Composition {
    /// A refusal that leaves the conditions as they were reported.
    pub fn refused(message: String) -> Self {
        Self::Refused { message, field: String::new(), conditions: Vec::new(), tally: Tally::default() }
    }
}

/// What is to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// Composed resources by key.
    pub resources: BTreeMap<String, Composed>,
    /// The status of the composite resource.
    pub status: Option<CompositeStatus>,
    /// Conditions of the composite resource.
    pub conditions: Vec<NewCondition>,
    /// What is worth an event.
    pub events: Vec<Event>,
    /// Whether the composite resource must not be ready, whatever its resources are.
    pub unready: bool,
    /// The path of the field that is to blame for that; empty where there is none.
    pub field: &'static str,
    /// Numbers for logs and metrics.
    pub tally: Tally,
}

/// Numbers for logs and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Placements wanted.
    pub wanted: usize,
    /// Placements composed.
    pub placed: usize,
    /// Rejected environments by reason.
    pub rejected: BTreeMap<&'static str, u32>,
}

/// One composed resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// The object.
    pub body: Body,
    /// Whether it is ready, as far as the composite resource's readiness goes.
    pub ready: bool,
}

/// The objects that are composed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// An object of the control plane's own cluster.
    Own(ComposedObject),
    /// An object of another cluster.
    Held(Box<Object<ComposedObject>>),
    /// How a cluster is reached.
    ProviderConfig(ClusterProviderConfig),
    /// An object left as it is observed.
    Frozen(serde_json::Value),
}

/// What a placement is made of, on whatever cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ComposedObject {
    /// The serving object.
    Service(Box<LlmInferenceService>),
    /// The autoscaler.
    ScaledObject(Box<ScaledObject>),
    /// A Namespace, ServiceAccount or Secret.
    Plain(PlainObject),
}

/// The status of a composite resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CompositeStatus {
    /// Of a ModelDeployment.
    ModelDeployment(Box<ModelDeploymentStatus>),
    /// Of an InferenceEnvironment.
    InferenceEnvironment(Box<InferenceEnvironmentStatus>),
}
