//! All tests, one folder a room.

mod api;
mod compose;
mod domain;
