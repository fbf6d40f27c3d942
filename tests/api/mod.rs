//! What people write, read and written back.

mod duration;
mod quantity;
mod selector;
