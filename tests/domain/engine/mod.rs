//! How vLLM reads its arguments, and what it counts.

mod args;
mod metrics;
mod template_text;
