//! A request on its way in.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::Status;

use super::timing::Late;

/// What comes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// A body that fails when it takes too long, or holds more than it said.
pub(super) struct Arriving {
    /// What has been read already.
    begun: Option<Bytes>,
    body: Body,
    late: Late,
    /// How much may still come; nothing where that is the service's business.
    left: Option<usize>,
}

impl Arriving {
    pub(super) fn new(body: Body, late: Late) -> Self {
        Self { begun: None, body, late, left: None }
    }

    /// Reads as much as it takes to know how long the message is. Nothing is known where there is no message.
    pub(super) async fn announced(&mut self) -> Result<Option<usize>, Status> {
        let mut begun = BytesMut::new();
        while begun.len() < PREFIX {
            match self.frame().await {
                Some(Ok(frame)) => begun.extend(frame.into_data().ok()),
                Some(Err(error)) => return Err(Status::from_error(error.into())),
                None => break,
            }
        }
        let begun = self.begun.insert(begun.freeze());
        let Some(([_, length @ ..], _)) = begun.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        self.left = Some(length.saturating_add(PREFIX));
        Ok(Some(length))
    }

    /// Gives the rest this much time.
    pub(super) fn within(self, late: Late) -> Self {
        Self { late, ..self }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = match self.begun.take() {
            Some(begun) => Poll::Ready(Some(Ok(Frame::data(begun)))),
            None => Pin::new(&mut self.body).poll_frame(context),
        };
        match polled {
            Poll::Pending => Pin::new(&mut self.late).poll(context).map(|why| {
                let what = "the request did not arrive in";
                let late = why.status(|limit| Status::deadline_exceeded(format!("{what} {limit:?}: look at the network between")));
                // Whoever asks once more gets nothing.
                self.body = Body::empty();
                Some(Err(Error::new(late)))
            }),
            Poll::Ready(Some(Ok(frame))) => {
                // A second message would be read and thrown away, but it would take memory that nobody has counted.
                let more = frame.data_ref().map_or(0, Bytes::len);
                match self.left.map(|left| left.checked_sub(more)) {
                    Some(None) => {
                        self.body = Body::empty();
                        let second = Status::invalid_argument("a call has one request: send the other in another call");
                        Poll::Ready(Some(Err(Error::new(second))))
                    }
                    left => {
                        self.left = left.flatten();
                        Poll::Ready(Some(Ok(frame)))
                    }
                }
            }
            ended @ Poll::Ready(_) => ended,
        }
    }
}
