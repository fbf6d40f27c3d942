//! The rules.

mod contention;
mod deployment;
mod engine_args;
mod environment;
mod environment_sum;
mod fleet;
mod footprint;
mod input;
mod ledger;
mod lint;
mod matching;
mod model;
mod names;
mod packing;
mod retention;
mod schedule_properties;
mod simulation;
mod template_text;
mod violation;
mod visible_text;
