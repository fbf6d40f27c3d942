//! The `function-modelplane` binary.

fn main() {}
