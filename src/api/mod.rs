//! What people write and what the function emits, as serde types: one file a kind. Nothing is decided here.

pub mod duration;
pub mod quantity;
pub mod selector;
