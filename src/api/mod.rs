//! What people write and what the function emits, as serde types: one file a kind. Nothing is decided here.

mod absent;
pub mod condition;
pub mod duration;
pub mod environment_ledger;
pub mod inference_environment;
pub mod input;
pub mod kinds;
pub mod limits;
pub mod llm_inference_service;
mod lossless;
pub mod metadata;
pub mod model;
pub mod model_deployment;
pub mod model_deployment_status;
pub mod object;
pub mod phase;
pub mod place;
pub mod placement_record;
pub mod pod_overlay;
pub mod quantity;
pub mod resource_name;
pub mod scaled_object;
pub mod selector;
pub mod words;

/// The group of the kinds people write.
pub const GROUP: &str = "modelplane.ai";
/// Group and version of the kinds people write.
pub const API_VERSION: &str = "modelplane.ai/v1alpha1";
