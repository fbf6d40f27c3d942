//! How vLLM reads its arguments.

mod args;
mod template_text;
