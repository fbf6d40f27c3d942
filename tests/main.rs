//! All tests, one folder a room.

mod api;
mod cli;
mod compose;
mod domain;
mod function;
