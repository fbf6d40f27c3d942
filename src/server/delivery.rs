//! An answer on its way out.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::sync::DropGuard;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::budget::Share;

/// What a call holds until its answer is with the peer.
pub(super) struct Held {
    /// Its memory, where that is counted.
    pub(super) share: Option<Arc<Share>>,
    /// That it is in flight.
    pub(super) _call: TaskTrackerToken,
    /// Tells when it is no more.
    pub(super) _sent: DropGuard,
}

/// A body that holds what its call does.
pub(super) struct Delivering {
    body: Body,
    held: Option<Held>,
}

impl Delivering {
    pub(super) fn new(body: Body, held: Held) -> Self {
        Self { body, held: Some(held) }
    }

    /// The bytes of an answer. Those of the function's are all in one frame, which is queued for as long as the peer does not take them:
    /// they hold for themselves what of the share they need, and the request's memory is free.
    fn holding(&mut self, data: Bytes) -> Bytes {
        let Some(mut held) = self.held.take_if(|held| held.share.is_some()) else { return data };
        if let Some(share) = held.share.as_mut().and_then(Arc::get_mut) {
            share.shrink(data.len());
        }
        Bytes::from_owner(Kept { data, _held: held })
    }
}

impl HttpBody for Delivering {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context).map_ok(|frame| frame.map_data(|data| self.holding(data)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes that hold what a call does.
struct Kept {
    data: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}
