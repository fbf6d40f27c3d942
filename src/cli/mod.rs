//! The offline tool: files go through the same function as on the server, and come out as what a person reads.

pub mod manifests;
mod source_map;
mod yaml_input;
pub mod yaml_output;
