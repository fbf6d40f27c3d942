//! function-modelplane: a Crossplane composition function that serves large language models with prefill and decode
//! disaggregated.
//!
//! The rooms, and the only direction in which they know each other:
//! `{structs, api} <- domain <- compose <- function <- {server, cli} <- main`.

pub mod api;
pub mod cli;
pub mod compose;
pub mod domain;
pub mod function;
pub mod server;
pub mod structs;
