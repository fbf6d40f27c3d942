//! The rules. Objects as JSON, YAML or proto, the clock and environment variables never enter this room.

pub mod engine;
pub mod fabric;
pub mod finding;
pub mod key;
pub mod kserve;
pub mod lint;
pub mod names;
pub mod scheduling;
pub mod spec;
pub mod suppression;
