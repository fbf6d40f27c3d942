//! The least that a function does which decodes every object, as functions made with prost-types do: decode and encode again.

use std::collections::HashMap;

use prost::Message;
use prost_types::Struct;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, optional, tag = "1")]
    meta: Option<Meta>,
    #[prost(message, optional, tag = "2")]
    observed: Option<State>,
    #[prost(message, optional, tag = "3")]
    desired: Option<State>,
    #[prost(message, optional, tag = "4")]
    input: Option<Struct>,
    #[prost(message, optional, tag = "5")]
    context: Option<Struct>,
    #[prost(map = "string, message", tag = "8")]
    required_resources: HashMap<String, Resources>,
}

#[derive(Clone, PartialEq, Message)]
struct Meta {
    #[prost(string, tag = "1")]
    tag: String,
}

#[derive(Clone, PartialEq, Message)]
struct State {
    #[prost(message, optional, tag = "1")]
    composite: Option<Resource>,
    #[prost(map = "string, message", tag = "2")]
    resources: HashMap<String, Resource>,
}

#[derive(Clone, PartialEq, Message)]
struct Resources {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Resource>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, optional, tag = "1")]
    object: Option<Struct>,
    #[prost(map = "string, bytes", tag = "2")]
    connection_details: HashMap<String, Vec<u8>>,
    #[prost(int32, tag = "3")]
    ready: i32,
}

/// Decodes a request and encodes it again.
pub(super) fn echo(request: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    Ok(Request::decode(request)?.encode_to_vec())
}
