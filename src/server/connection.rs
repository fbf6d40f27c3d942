//! A connection that can be ended.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// Ends a connection. Every request has the one of its own.
#[derive(Debug, Clone)]
pub(super) struct Cut(CancellationToken);

impl Cut {
    /// Ends it at once.
    pub(super) fn now(&self) {
        self.0.cancel();
    }
}

/// A connection that has a place among as many as may be.
pub(super) struct Connection<C> {
    io: C,
    cut: Cut,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Ready once it has been silent for too long; nothing when it has spoken.
    silent: Option<Pin<Box<tokio::time::Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl<C> Connection<C> {
    /// It ends with `all`, and when it says nothing at all within `limit`.
    pub(super) fn new(io: C, all: &CancellationToken, limit: Duration, place: OwnedSemaphorePermit) -> Self {
        let token = all.child_token();
        let ended = Box::pin(token.clone().cancelled_owned());
        Self { io, cut: Cut(token), ended, silent: Some(Box::pin(tokio::time::sleep(limit))), _place: place }
    }

    /// Fails once the connection is to end. Asked in both directions: HTTP/2 does not read while it cannot write.
    fn goes_on(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.ended.as_mut().poll(context).is_ready() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl<C> Connected for Connection<C> {
    type ConnectInfo = Cut;

    fn connect_info(&self) -> Cut {
        self.cut.clone()
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Connection<C> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.goes_on(context)?;
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_ready() {
            self.silent = None;
        } else if let Some(silent) = &mut self.silent {
            return silent.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Connection<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.goes_on(context)?;
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.goes_on(context)?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.goes_on(context)?;
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
