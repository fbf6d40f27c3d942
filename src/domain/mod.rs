//! The rules. Objects as JSON, YAML or proto, the clock and environment variables never enter this room.

pub mod bounds;
pub mod cluster;
pub mod contention;
pub mod deployment;
pub mod engine_args;
mod engine_options;
pub mod environment;
pub mod environment_sum;
pub mod footprint;
pub mod holdings;
pub mod input;
pub mod ledger;
pub mod lint;
pub mod matching;
pub mod model;
pub mod names;
pub mod packing;
pub mod placement;
pub mod rejection;
pub mod retention;
pub mod schedule;
pub mod search;
pub mod sizing;
pub mod template_text;
pub mod trace;
pub mod violation;
pub mod visible_text;
