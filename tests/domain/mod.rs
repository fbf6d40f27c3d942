//! The rules.

mod deployment;
mod engine_args;
mod environment;
mod input;
mod model;
mod template_text;
mod violation;
