//! How vLLM reads its arguments, and what it counts.

mod args;
mod metrics;
mod options;
mod parsed;
mod template_text;
