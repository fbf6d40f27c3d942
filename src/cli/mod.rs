//! The offline tool: files go through the same function as on the server, and come out as what a person reads.
