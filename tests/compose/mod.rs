//! What is rendered.

mod argv;
mod engine_pod;
mod guard;
mod preset;
mod readiness;
mod running_pods;
mod served_names;
