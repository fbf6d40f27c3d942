//! The rules of an object on its own.

mod deployment;
mod environment;
mod input;
mod model;
mod pod_overlay;
mod violation;
