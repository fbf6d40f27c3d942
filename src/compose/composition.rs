//! What the function wants to exist, and what it has to say.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::inference_environment::InferenceEnvironmentStatus;
use crate::api::llm_inference_service::LlmInferenceService;
use crate::api::model_deployment_status::ModelDeploymentStatus;
use crate::api::object::{ClusterProviderConfig, Object, PlainObject};
use crate::api::scaled_object::ScaledObject;
use crate::compose::conditions::NewCondition;
use crate::compose::events::Event;

/// The whole answer to one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Composition {
    /// Composed resources by key.
    pub resources: BTreeMap<String, Composed>,
    /// The status of the composite resource.
    pub status: Option<Status>,
    /// Conditions of the composite resource.
    pub conditions: Vec<NewCondition>,
    /// What is worth an event.
    pub events: Vec<Event>,
    /// Whether the composite resource must not be ready, whatever its resources are.
    pub unready: bool,
    /// Why nothing at all may change. Nothing but the conditions counts then.
    pub fatal: Option<String>,
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
    pub rejected: BTreeMap<String, u32>,
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
    /// A serving object of the control plane's own cluster.
    Service(Box<LlmInferenceService>),
    /// A serving object of another cluster.
    ServiceObject(Box<Object<LlmInferenceService>>),
    /// A ServiceAccount of the control plane's own cluster.
    Plain(PlainObject),
    /// A Namespace, ServiceAccount or Secret of another cluster.
    PlainObject(Box<Object<PlainObject>>),
    /// An autoscaler of the control plane's own cluster.
    ScaledObject(Box<ScaledObject>),
    /// An autoscaler of another cluster.
    ScaledObjectObject(Box<Object<ScaledObject>>),
    /// How a cluster is reached.
    ProviderConfig(ClusterProviderConfig),
    /// An object left as it is observed.
    Frozen(serde_json::Value),
}

/// The status of a composite resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Status {
    /// Of a ModelDeployment.
    ModelDeployment(Box<ModelDeploymentStatus>),
    /// Of an InferenceEnvironment.
    InferenceEnvironment(Box<InferenceEnvironmentStatus>),
}
