//! function-modelplane: a Crossplane composition function that serves large language models with prefill and decode
//! disaggregated.
//!
//! The rooms, and the only direction in which they know each other:
//! `api <- domain <- compose <- function <- {server, cli} <- main`. Beside `api` lies `structs`, which function and what is above it use; below
//! all lies `text`.

pub mod api;
pub mod cli;
pub mod compose;
pub mod domain;
pub mod function;
pub mod server;
pub mod structs;
pub mod text;
