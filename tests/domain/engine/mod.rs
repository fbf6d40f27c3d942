//! How vLLM reads its arguments.

mod args;
mod options;
mod parsed;
mod template_text;
