//! From inputs to a composition: one file a resource that is rendered. No protocol, no I/O.

pub mod argv;
pub mod composition;
pub mod conditions;
pub mod deployment_conditions;
pub mod engine_pod;
pub mod events;
pub mod explanation;
pub mod frozen;
pub mod guard;
pub mod hugging_face_token;
pub mod inference_environment;
pub mod model;
pub mod model_deployment;
pub mod observed;
pub mod placement;
pub mod readiness;
pub mod remote_object;
pub mod scaled_object;
pub mod serving_object;
pub mod status;
