//! What is rendered.

mod argv;
mod engine_pod;
mod guard;
mod preset;
mod readiness;
mod served_names;
