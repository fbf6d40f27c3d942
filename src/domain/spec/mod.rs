//! What people write, checked: every rule of an object on its own, and the object that keeps them.

pub mod at;
mod bounds;
pub mod cluster;
mod containers;
pub mod credentials;
pub mod deployment;
pub mod engine_env;
pub mod environment;
pub mod input;
pub mod model;
pub mod pod_overlay;
mod pod_scheduling;
mod security_context;
pub mod violation;
mod volumes;
