//! The packages: their schemas are made of the Rust types, so the two cannot drift apart.
//!
//! `./generate schemas` rewrites them.

mod bounds;
pub(crate) mod definitions;
mod install;
mod monitoring;
mod pipelines;
mod schema;
mod status;
