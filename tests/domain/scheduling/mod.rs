//! Where placements come, stay and go.

mod contention;
mod environment_sum;
mod footprint;
mod ledger;
mod matching;
mod packing;
mod retention;
mod schedule_properties;
mod simulation;
