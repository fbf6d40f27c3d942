//! The rules. Objects as JSON, YAML or proto, the clock and environment variables never enter this room.

pub mod engine_args;
mod engine_options;
pub mod template_text;
