//! All tests, one folder a room.
