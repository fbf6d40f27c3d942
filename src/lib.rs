//! function-modelplane: a Crossplane composition function that serves large language models with prefill and decode
//! disaggregated.
//!
//! ARCHITECTURE.md is the map. The rooms know each other in one direction only:
//! `text <- {structs, api} <- domain <- compose <- function <- {server, cli} <- main`.

pub mod api;
pub mod cli;
pub mod compose;
pub mod domain;
pub mod function;
pub mod server;
pub mod structs;
pub mod text;
