//! Where placements come, stay and go: matching, sizing, the ledger of GPUs, and what becomes of what exists.

pub mod contention;
pub mod environment_sum;
pub mod footprint;
pub mod freeze;
pub mod holdings;
pub mod ledger;
pub mod matching;
pub mod packing;
pub mod placement;
pub mod rejection;
pub mod retention;
pub mod schedule;
pub mod search;
pub mod situation;
pub mod sizing;
pub mod trace;
