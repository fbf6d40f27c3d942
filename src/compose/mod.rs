//! From inputs to a composition: one file a resource that is rendered. No protocol, no I/O.

pub mod argv;
pub mod composition;
pub mod conditions;
pub mod credentials;
pub mod deployment_conditions;
pub mod deployment_events;
pub mod engine_pod;
pub mod events;
pub mod existing;
pub mod explanation;
pub mod frozen;
pub mod inference_environment;
pub mod inputs;
pub mod model;
pub mod model_deployment;
pub mod observed;
pub mod placement;
pub mod readiness;
pub mod refusal;
pub mod remote_object;
pub mod rendered;
pub mod scaled_object;
pub mod served_names;
pub mod serving_object;
pub mod status;
