//! The rules.

mod engine_args;
mod template_text;
mod violation;
