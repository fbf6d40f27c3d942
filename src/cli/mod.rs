//! The offline tool: files go through the same function as on the server, and come out as what a person reads.

mod control_plane;
pub mod explain;
mod explain_text;
mod html;
mod html_deployments;
mod html_fleet;
mod html_tally;
pub mod lint;
mod lint_report;
pub mod manifests;
pub mod preview;
mod preview_table;
mod rendered;
mod session;
mod source_map;
mod yaml_input;
pub mod yaml_output;
