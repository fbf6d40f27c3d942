//! `preview --live … --change …`: what a change does to a fleet.

mod diff;
pub mod edits;
mod effects;
mod field_changes;
mod ownership;
pub(crate) mod report;
mod shortages;
mod surge;
pub(crate) mod text;
