//! The function protocol: from a request to a response.

pub mod proto;
pub mod structs;
