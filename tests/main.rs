//! All tests, one folder a room.

mod function;
