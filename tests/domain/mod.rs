//! The rules.

mod contention;
mod engine_args;
mod fleet;
mod ledger;
mod matching;
mod names;
mod packing;
mod retention;
mod schedule_properties;
mod simulation;
mod template_text;
