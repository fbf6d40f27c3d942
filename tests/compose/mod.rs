//! What is rendered.

mod argv;
mod engine_pod;
mod preset;
