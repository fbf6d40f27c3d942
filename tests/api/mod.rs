//! What people write, read and written back.

mod absent;
mod duration;
mod lossless;
mod quantity;
mod resource_name;
mod selector;
