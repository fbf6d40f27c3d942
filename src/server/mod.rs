//! Transport: gRPC services, TLS, probes and metrics, shutdown. Nothing is decided here.

mod accept;
mod grpc;
mod logging;
mod metrics;
mod options;
mod probes;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::function::proto::{RunFunctionRequest, RunFunctionResponse};
use crate::function::{self, Report};
use metrics::Metrics;
pub use options::Options;
use tls::Certificates;
pub use tls::TlsError;

/// Why there is no serving, or no more.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Neither certificates nor `--insecure`.
    #[error(
        "cannot serve without certificates: give --tls-certs-dir a folder with tls.crt, tls.key and ca.crt, or --insecure to serve without TLS"
    )]
    NoCertificates,
    /// The certificates are no good.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// An address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The protocol's descriptors cannot be reflected.
    #[error("cannot serve reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The system denies threads, timers or signals.
    #[error("cannot start: {0}")]
    System(#[source] io::Error),
    /// Serving ended with an error, or although nobody asked for it.
    #[error("serving ended: {0}")]
    Ended(String),
}

impl ServerError {
    /// The process's exit code: 2 for a wrong command line and certificates that cannot be used, 1 for anything else.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoCertificates | Self::Certificates(_) => 2,
            Self::Listen { .. } | Self::Reflection(_) | Self::System(_) | Self::Ended(_) => 1,
        }
    }
}

/// Durations that no flag sets.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How often the certificates are looked at.
    pub reload: Duration,
    /// How long calls in flight may take to finish at the end: less than the 30 seconds a kubelet gives a pod.
    pub drain: Duration,
    /// How old a connection becomes, give or take a tenth.
    pub connection_age: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            reload: Duration::from_secs(10),
            drain: Duration::from_secs(25),
            connection_age: Duration::from_secs(300),
        }
    }
}

/// Serves the function until SIGTERM or SIGINT, then finishes the calls in flight.
///
/// # Errors
/// When it cannot serve: no usable certificates, or an address that is taken.
pub fn serve(options: &Options) -> Result<(), ServerError> {
    logging::init(options.debug);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServerError::System)?;
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::System)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::System)?;
        let server = Server::start(options, Timing::default(), function::run).await?;
        let signalled = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        server.run_until(signalled).await
    });
    // Calls that outlasted the drain must not hold up the exit.
    runtime.shutdown_background();
    served
}

/// A server that is listening.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    probes_address: Option<SocketAddr>,
    drain: Duration,
    stop: CancellationToken,
    health: HealthReporter,
    grpc: AbortOnDropHandle<Result<(), tonic::transport::Error>>,
    _background: Vec<AbortOnDropHandle<()>>,
}

impl Server {
    /// Starts to serve `function`.
    ///
    /// # Errors
    /// Without usable certificates, and when an address cannot be listened at.
    pub async fn start<F>(options: &Options, timing: Timing, function: F) -> Result<Self, ServerError>
    where
        F: Fn(&RunFunctionRequest) -> (RunFunctionResponse, Report) + Send + Sync + 'static,
    {
        let certificates = options.certificates()?.map(Certificates::load).transpose()?;
        let metrics = Metrics::new();
        let stop = CancellationToken::new();
        let (routes, health) = grpc::routes(Arc::new(function), options.max_request(), metrics.clone()).await?;
        let (listener, address) = listen(options.address).await?;
        let mut background = Vec::new();
        // After the gRPC port: whoever gets an answer from readyz can be served.
        let mut probes_address = None;
        if let Some(wanted) = options.probes() {
            let (listener, address) = listen(wanted).await?;
            probes_address = Some(address);
            let served = axum::serve(listener, probes::router(metrics.clone(), stop.clone()));
            background.push(AbortOnDropHandle::new(tokio::spawn(async move { drop(served.await) })));
        }
        let grpc = if let Some(certificates) = certificates {
            let current = certificates.current();
            background.push(AbortOnDropHandle::new(tokio::spawn(certificates.watch(timing.reload, metrics.clone()))));
            let handshake = move |stream| TlsAcceptor::from(current.load_full()).accept(stream);
            serve_on(accept::connections(listener, timing.handshake, metrics, handshake), routes, timing, stop.clone())
        } else {
            let handshake = |stream| std::future::ready(Ok(stream));
            serve_on(accept::connections(listener, timing.handshake, metrics, handshake), routes, timing, stop.clone())
        };
        let probes = probes_address.map(tracing::field::display);
        tracing::info!(%address, probes, insecure = options.insecure, version = env!("CARGO_PKG_VERSION"), "serving");
        Ok(Self { address, probes_address, drain: timing.drain, stop, health, grpc, _background: background })
    }

    /// Where gRPC is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where probes and metrics are served, if they are.
    #[must_use]
    pub fn probes_address(&self) -> Option<SocketAddr> {
        self.probes_address
    }

    /// Serves until `signal`, then drains: accepts nothing more, is not ready, and finishes the calls in flight.
    ///
    /// # Errors
    /// When serving ends before the signal, or with an error.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> Result<(), ServerError> {
        tokio::select! {
            () = signal => {}
            ended = &mut self.grpc => return Err(ServerError::Ended(format!("{ended:?}"))),
        }
        tracing::info!("draining");
        grpc::stop_serving(&mut self.health).await;
        self.stop.cancel();
        match tokio::time::timeout(self.drain, &mut self.grpc).await {
            Ok(Ok(Ok(()))) => tracing::info!("drained"),
            Ok(ended) => return Err(ServerError::Ended(format!("{ended:?}"))),
            Err(_) => tracing::warn!(after = ?self.drain, "calls in flight are given up"),
        }
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |source| ServerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn serve_on<C>(
    connections: ReceiverStream<io::Result<C>>,
    routes: Routes,
    timing: Timing,
    stop: CancellationToken,
) -> AbortOnDropHandle<Result<(), tonic::transport::Error>>
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + tonic::transport::server::Connected + Unpin + Send + 'static,
{
    let transport = grpc::transport(timing.connection_age);
    AbortOnDropHandle::new(tokio::spawn(transport.serve_with_incoming_shutdown(routes, connections, stop.cancelled_owned())))
}
