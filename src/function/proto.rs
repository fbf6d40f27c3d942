//! The function protocol as generated from `proto/`: every `google.protobuf.Struct` is kept as its bytes on the wire.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

tonic::include_proto!("apiextensions.r#fn.proto.v1");

/// The file descriptors of the protocol in its official form, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
