//! Lets calls in: each once there is memory for it, and none for longer than its peer may take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use super::budget::{Budget, Share};
use super::delivery::{Delivering, Held};
use super::timing::{Late, Timing};
use super::{arrival::Arriving, connection::Cut, metrics::Metrics};

/// What it takes to let a call in.
pub(super) struct Admission {
    /// The path of the calls whose memory is counted. What else there is takes none to speak of.
    pub(super) counted: String,
    /// The largest request, in bytes.
    pub(super) max_request: usize,
    pub(super) budget: Budget,
    pub(super) timing: Timing,
    pub(super) stop: CancellationToken,
    /// The calls in flight.
    pub(super) calls: TaskTracker,
    pub(super) metrics: Metrics,
}

impl Admission {
    /// The time that a request has to arrive.
    fn arrival(&self, leaving: Duration) -> Late {
        Late::new(self.timing.arrival, self.stop.clone(), leaving)
    }

    /// Reads how long the request is and waits until there is room.
    async fn admitted(&self, request: Request) -> Result<(Request, Option<Arc<Share>>), Status> {
        let (mut parts, body) = request.into_parts();
        let leaving = self.timing.leaving;
        let mut body = Arriving::new(body, self.arrival(leaving));
        let mut share = None;
        if let Some(length) = body.announced().await? {
            if length > self.max_request {
                let advice = "raise --max-recv-message-size, or let fewer objects be required";
                let limit = self.max_request;
                return Err(Status::out_of_range(format!("a request of {length} bytes is over the limit of {limit}; {advice}")));
            }
            if let Some(near) = self.metrics.requested(length, self.max_request) {
                parts.extensions.insert(near);
            }
            let taken = self.budget.take(length, Late::new(self.timing.waiting, self.stop.clone(), leaving)).await?;
            // It goes wherever the request goes: the function may still read that when the caller has gone.
            let taken = share.insert(Arc::new(taken));
            parts.extensions.insert(Arc::clone(taken));
            body = body.within(self.arrival(leaving));
        }
        Ok((Request::from_parts(parts, Body::new(body)), share))
    }

    /// Ends the connection when a peer does not take an answer: there is no other way to get its memory back.
    fn watch(&self, limit: Option<Duration>, cut: Option<Cut>) -> CancellationToken {
        let sent = CancellationToken::new();
        if let Some(cut) = cut {
            let late = Late::new(limit.unwrap_or(Duration::MAX), self.stop.clone(), self.timing.leaving);
            let sent = sent.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = sent.cancelled() => {}
                    why = late => {
                        tracing::warn!(?why, "a caller does not take its answer: its connection is ended");
                        cut.now();
                    }
                }
            });
        }
        sent
    }
}

/// Lets a call in and out.
pub(super) async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let call = admission.calls.token();
    let cut = request.extensions().get::<Cut>().cloned();
    let counted = request.uri().path() == admission.counted;
    let (request, share) = if counted {
        match admission.admitted(request).await {
            Ok(admitted) => admitted,
            Err(status) => return status.into_http(),
        }
    } else {
        // Health and reflection. A stream of requests may be open for as long as we serve, and ends with that.
        (request.map(|body| Body::new(Arriving::new(body, admission.arrival(Duration::ZERO)))), None)
    };
    let response = next.run(request).await;
    let sent = admission.watch(counted.then_some(admission.timing.delivery), cut).drop_guard();
    response.map(|body| Body::new(Delivering::new(body, Held { share, _call: call, _sent: sent })))
}
