//! From inputs to a composition: one file a resource that is rendered. No protocol, no I/O.

pub mod argv;
