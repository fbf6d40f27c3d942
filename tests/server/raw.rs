//! Requests as the bytes that they are, which many calls share, and whose sender may stop halfway.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test's own functions may panic as the test may")]

use std::future::poll_fn;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::codegen::{Service as _, http};
use tonic::transport::Channel;
use tonic::{Code, Status};

pub(super) const RUN_FUNCTION: &str = "/apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction";
pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";

/// A message as it travels: a flag, its length, itself.
pub(super) fn framed(message: &impl prost::Message) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.encoded_len() + 5);
    framed.put_u8(0);
    framed.put_u32(message.encoded_len().try_into().unwrap());
    message.encode(&mut framed).unwrap();
    framed.freeze()
}

/// A request of about so many bytes: one that is refused, with a long tag.
pub(super) fn large(bytes: usize) -> Bytes {
    let mut request = super::request();
    request.meta.as_mut().unwrap().tag = "x".repeat(bytes);
    framed(&request)
}

/// All of a request.
pub(super) fn whole(bytes: Bytes) -> Body {
    Body::new(Full::new(bytes))
}

/// A request whose sender says so much and then nothing more.
pub(super) fn halted(bytes: Bytes) -> Body {
    let frames = tokio_stream::once(Ok::<_, Status>(http_body::Frame::data(bytes))).chain(tokio_stream::pending());
    Body::new(StreamBody::new(frames))
}

/// A request whose sender sends what it is given, until nothing more is.
pub(super) fn fed(frames: UnboundedReceiver<Bytes>) -> Body {
    Body::new(StreamBody::new(UnboundedReceiverStream::new(frames).map(|bytes| Ok::<_, Status>(http_body::Frame::data(bytes)))))
}

/// The answer's headers, with whatever comes after them unread.
pub(super) async fn begun(mut channel: Channel, path: &str, body: Body) -> Result<http::Response<Body>, tonic::transport::Error> {
    let request = Request::post(path).header("content-type", "application/grpc").header("te", "trailers").body(body).unwrap();
    poll_fn(|context| channel.poll_ready(context)).await?;
    channel.call(request).await
}

/// How a call ended: with how many bytes, or with which error.
pub(super) async fn call(channel: Channel, path: &str, body: Body) -> Result<usize, Status> {
    let failed = |error: &dyn std::fmt::Display| Status::unknown(error.to_string());
    let response = begun(channel, path, body).await.map_err(|error| failed(&error))?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| failed(&error))?;
    let status = body.trailers().and_then(Status::from_header_map).or_else(|| Status::from_header_map(&head.headers));
    match status {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => Ok(body.to_bytes().len()),
    }
}
