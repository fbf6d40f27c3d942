//! How long everything may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Durations that no flag sets.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a TLS handshake may take, and how long a connection may then be silent before it speaks HTTP/2.
    pub handshake: Duration,
    /// How often the certificates are looked at.
    pub reload: Duration,
    /// How long a request may take to arrive, once there is room for it.
    pub arrival: Duration,
    /// How long a call may wait for room.
    pub waiting: Duration,
    /// How long an answer may take to be taken.
    pub delivery: Duration,
    /// How long a connection for probes and metrics may last.
    pub probe: Duration,
    /// How long calls in flight may take to finish at the end: less than the 30 seconds a kubelet gives a pod.
    pub drain: Duration,
    /// How long everything that depends on a peer may still take then.
    pub leaving: Duration,
    /// How old a connection becomes, give or take a tenth.
    pub connection_age: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            reload: Duration::from_secs(10),
            arrival: Duration::from_secs(20),
            waiting: Duration::from_secs(30),
            delivery: Duration::from_secs(30),
            probe: Duration::from_secs(10),
            drain: Duration::from_secs(25),
            leaving: Duration::from_secs(5),
            connection_age: Duration::from_secs(300),
        }
    }
}

/// Why something has taken too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its limit has passed.
    Passed(Duration),
    /// The server ends.
    Ending,
}

impl Why {
    /// What a caller is told: this where the limit has passed.
    pub(super) fn status(self, passed: impl FnOnce(Duration) -> Status) -> Status {
        match self {
            Self::Passed(limit) => passed(limit),
            Self::Ending => Status::unavailable("this replica of the function is being stopped: call again, another one answers"),
        }
    }
}

/// Becomes ready when something has taken too long.
pub(super) struct Late(Pin<Box<dyn Future<Output = Why> + Send>>);

impl Late {
    /// After `limit`, or `leaving` after `stop` is cancelled, whichever comes first.
    pub(super) fn new(limit: Duration, stop: CancellationToken, leaving: Duration) -> Self {
        Self(Box::pin(async move {
            let ending = async {
                stop.cancelled().await;
                tokio::time::sleep(leaving).await;
            };
            tokio::select! {
                () = tokio::time::sleep(limit) => Why::Passed(limit),
                () = ending => Why::Ending,
            }
        }))
    }
}

impl Future for Late {
    type Output = Why;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Why> {
        self.0.as_mut().poll(context)
    }
}
