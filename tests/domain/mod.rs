//! The rules, a folder a room of `src/domain`.

mod engine;
mod fleet;
mod kserve;
mod lint;
mod names;
mod scheduling;
mod spec;
mod suppression;
mod visible_text;
