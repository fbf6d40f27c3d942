//! Transport: gRPC services, TLS, probes and metrics, shutdown. Nothing is decided here.

mod accept;
mod admission;
mod arrival;
mod budget;
mod connection;
mod delivery;
mod error;
mod grpc;
mod logging;
pub mod memory;
mod metrics;
mod options;
mod probes;
mod timing;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::function::proto::{RunFunctionRequest, RunFunctionResponse};
use crate::function::{self, Report};
use accept::Terms;
use admission::Admission;
use budget::Budget;
pub use error::ServerError;
use metrics::Metrics;
pub use options::Options;
pub use timing::Timing;
use tls::Certificates;
pub use tls::TlsError;

/// How long there must be no call before connections that are left are ended.
const QUIET: Duration = Duration::from_secs(1);

/// Serves the function until SIGTERM or SIGINT, then finishes the calls in flight.
///
/// # Errors
/// When it cannot serve: no usable certificates, or an address that is taken.
pub fn serve(options: &Options) -> Result<(), ServerError> {
    // Closed last, whatever happens.
    let _log = logging::init(options.debug);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServerError::System)?;
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::System)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::System)?;
        let server = Server::start(options, Timing::default(), function::respond).await?;
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
    timing: Timing,
    stop: CancellationToken,
    calls: TaskTracker,
    connections: DropGuard,
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
        let metrics = Metrics::new();
        let certificates = options.certificates()?.map(|folder| Certificates::load(folder, metrics.clone())).transpose()?;
        let (stop, connections, calls) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let (max_request, memory_budget) = (options.max_request(), options.budget());
        let admission = Admission {
            counted: grpc::run_function(),
            max_request,
            budget: budget(memory_budget, max_request, &metrics),
            timing,
            stop: stop.clone(),
            calls: calls.clone(),
            metrics: metrics.clone(),
        };
        let (routes, health) = grpc::routes(Arc::new(function), admission).await?;
        let (listener, address) = listen(options.address).await?;
        let mut background = Vec::new();
        // After the gRPC port: whoever gets an answer from readyz can be served.
        let mut probes_address = None;
        if let Some(wanted) = options.probes() {
            let (listener, address) = listen(wanted).await?;
            probes_address = Some(address);
            let served = probes::serve(listener, probes::router(metrics.clone(), stop.clone()), timing.probe);
            background.push(AbortOnDropHandle::new(tokio::spawn(served)));
        }
        let terms = Terms::new(timing.handshake, connections.clone(), metrics);
        let grpc = if let Some(certificates) = certificates {
            let current = certificates.current();
            background.push(AbortOnDropHandle::new(tokio::spawn(certificates.watch(timing.reload))));
            let handshake = move |stream| TlsAcceptor::from(current.load_full()).accept(stream);
            serve_on(accept::connections(listener, terms, handshake), routes, timing, stop.clone())
        } else {
            let handshake = |stream| std::future::ready(Ok(stream));
            serve_on(accept::connections(listener, terms, handshake), routes, timing, stop.clone())
        };
        let probes = probes_address.map(tracing::field::display);
        let (insecure, version) = (options.insecure, env!("CARGO_PKG_VERSION"));
        tracing::info!(%address, probes, insecure, max_request, memory_budget, version, "serving");
        let connections = connections.drop_guard();
        Ok(Self { address, probes_address, timing, stop, calls, connections, health, grpc, _background: background })
    }

    /// Where gRPC is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where probes and metrics are served, if they are.
    pub fn probes_address(&self) -> Option<SocketAddr> {
        self.probes_address
    }

    /// Serves until `signal`, then drains: accepts nothing more, is not ready, and finishes the calls in flight. Connections are ended with
    /// the last call, and whatever depends on a peer has a few seconds.
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
        self.calls.close();
        let drained = async {
            tokio::select! {
                ended = &mut self.grpc => Some(ended),
                () = quiet(&self.calls) => None,
            }
        };
        match tokio::time::timeout(self.timing.drain, drained).await {
            Ok(None | Some(Ok(Ok(())))) => tracing::info!("drained"),
            Ok(Some(ended)) => return Err(ServerError::Ended(format!("{ended:?}"))),
            Err(_) => tracing::warn!(after = ?self.timing.drain, calls = self.calls.len(), "calls in flight are given up"),
        }
        drop(self.connections);
        Ok(())
    }
}

/// Waits until there is no call, and then long enough for the last answer to go out and for peers to close their connections themselves.
async fn quiet(calls: &TaskTracker) {
    loop {
        calls.wait().await;
        tokio::time::sleep(QUIET).await;
        if calls.is_empty() {
            return;
        }
    }
}

/// The memory that calls may take together: so many bytes, for requests up to `limit`.
fn budget(bytes: usize, limit: usize, metrics: &Metrics) -> Budget {
    metrics.limit(limit);
    let budget = Budget::new(bytes, metrics.clone());
    let largest = budget.largest();
    if largest < limit {
        let advice = "raise the pods' memory limit, or --memory-budget, or lower --max-recv-message-size";
        tracing::warn!(bytes, largest, limit, "there is no memory for requests as large as the limit: {advice}");
    }
    budget
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
