//! All tests, one folder a room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and tables of cases are long"
)]

mod api;
mod cli;
mod compose;
mod docs;
mod domain;
mod function;
mod package;
mod random;
mod rooms;
mod server;
