//! Accepts connections; a slow or failing handshake disturbs nobody else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{connection::Connection, metrics::Metrics};

/// How long to wait after a failed `accept`: without file descriptors left it fails again at once.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How many connections there may be: each Crossplane has one, and what flow control lets through of waiting calls takes 2 MB of each.
const CONNECTIONS: usize = 64;

/// What a connection has to keep to.
#[derive(Clone)]
pub(super) struct Terms {
    /// How long the handshake may take, and the silence after it.
    pub(super) limit: Duration,
    /// Ends all connections.
    pub(super) cut: CancellationToken,
    places: Arc<Semaphore>,
    metrics: Metrics,
}

impl Terms {
    pub(super) fn new(limit: Duration, cut: CancellationToken, metrics: Metrics) -> Self {
        Self { limit, cut, places: Arc::new(Semaphore::new(CONNECTIONS)), metrics }
    }
}

/// The connections that got through `handshake` in time. Dropping the stream closes the listener.
pub(super) fn connections<C, H>(
    listener: TcpListener,
    terms: Terms,
    handshake: impl Fn(TcpStream) -> H + Send + 'static,
) -> ReceiverStream<io::Result<Connection<C>>>
where
    C: Send + 'static,
    H: Future<Output = io::Result<C>> + Send + 'static,
{
    let (sender, connections) = channel(16);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = sender.closed() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Answers are small: waiting to fill a packet would delay each of them.
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(finish(handshake(stream), peer, sender.clone(), terms.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(connections)
}

async fn finish<C>(
    handshake: impl Future<Output = io::Result<C>>,
    peer: SocketAddr,
    sender: Sender<io::Result<Connection<C>>>,
    Terms { limit, cut, places, metrics }: Terms,
) {
    let error = match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(io)) => {
            let Ok(place) = places.try_acquire_owned() else {
                return tracing::warn!(%peer, connections = CONNECTIONS, "refused: there are as many connections as may be");
            };
            tracing::debug!(%peer, "connected");
            // Nobody takes it while draining: the connection is closed.
            let _ = sender.send(Ok(Connection::new(io, &cut, limit, place))).await;
            return;
        }
        Ok(Err(error)) => error,
        Err(_) => io::Error::from(io::ErrorKind::TimedOut),
    };
    metrics.handshake_failed();
    // Someone spoke TLS and was refused, as after a rotation gone wrong; the rest is scanners and TCP probes.
    if error.kind() == io::ErrorKind::InvalidData {
        tracing::warn!(%peer, %error, "TLS handshake refused");
    } else {
        tracing::debug!(%peer, %error, "no TLS handshake");
    }
}
