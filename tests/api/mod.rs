//! What people write, read and written back.

mod quantity;
mod selector;
