//! The offline tool: files go through the same function as on the server, and come out as what a person reads.

pub mod change;
pub mod explain;
mod html;
mod json_output;
mod lines;
pub mod lint;
pub mod manifests;
pub mod plane;
pub mod preview;
pub mod verdict;
pub mod yaml_output;
