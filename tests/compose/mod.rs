//! What is rendered.

mod argv;
mod preset;
