//! The offline tool: files go through the same function as on the server, and come out as what a person reads.

pub mod change;
mod change_text;
mod composed;
mod control_plane;
mod diff;
mod effects;
pub mod explain;
mod explain_text;
mod field_changes;
mod html;
mod html_deployments;
mod html_fleet;
mod html_tally;
pub mod lint;
mod lint_report;
mod live;
pub mod manifests;
pub mod preview;
mod preview_change;
mod preview_table;
mod rendered;
mod session;
mod settling;
mod source_map;
mod surge;
mod yaml_input;
pub mod yaml_output;
