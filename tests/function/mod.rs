//! The function protocol, and the function as a whole.

mod access;
mod autoscaling;
pub(crate) mod cluster;
mod concurrency;
mod environment_ledger;
mod every_error;
pub(crate) mod fleet;
mod guard;
mod hostile;
mod iteration;
mod lint;
mod moves;
mod protocol;
mod response;
mod seeding;
mod sequence;
mod simulation;
mod storm;
mod structs_hostile;
mod structs_properties;
mod structs_read;
mod structs_write;
mod unreadable;
mod upstream;
mod verification;
mod wire;
