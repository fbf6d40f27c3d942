//! Accepts connections; a slow or failing handshake disturbs nobody else.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

use super::metrics::Metrics;

/// How long to wait after a failed `accept`: without file descriptors left it fails again at once.
const PAUSE: Duration = Duration::from_millis(50);

/// The connections that got through `handshake` within `limit`. Dropping the stream closes the listener.
pub(super) fn connections<C, H>(
    listener: TcpListener,
    limit: Duration,
    metrics: Metrics,
    handshake: impl Fn(TcpStream) -> H + Send + 'static,
) -> ReceiverStream<io::Result<C>>
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
                    tokio::spawn(finish(handshake(stream), limit, peer, sender.clone(), metrics.clone()));
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
    limit: Duration,
    peer: SocketAddr,
    sender: Sender<io::Result<C>>,
    metrics: Metrics,
) {
    let error = match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(connection)) => {
            tracing::debug!(%peer, "connected");
            // Nobody takes it while draining: the connection is closed.
            let _ = sender.send(Ok(connection)).await;
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
