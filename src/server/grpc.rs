//! The gRPC services: the function, health and reflection.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::middleware::from_fn_with_state;
use tokio::sync::Semaphore;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_reflection::server::Builder as Reflection;

use super::admission::{Admission, admit};
use super::logging;
use super::metrics::{self, Metrics, NearLimit};
use crate::api::words::EventReason;
use crate::compose::events::Event;
use crate::function::proto::function_runner_service_server::{FunctionRunnerService, FunctionRunnerServiceServer, SERVICE_NAME};
use crate::function::proto::{DESCRIPTORS, RunFunctionRequest, RunFunctionResponse};
use crate::function::response::render_event;
use crate::function::{Outcome, Report, shielded};

const KEEPALIVE: Duration = Duration::from_secs(60);

type Function = dyn Fn(&RunFunctionRequest) -> (RunFunctionResponse, Report) + Send + Sync;

/// How many calls a connection may have open. Crossplane sends the rest as these end.
const STREAMS: u32 = 32;

/// How much of a request may come before it is read.
const STREAM_WINDOW: u32 = 64 << 10;

/// As much as all requests of a connection together: those that wait for room must not keep the others from arriving.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// The largest request for health and reflection, in bytes.
const SMALL: usize = 64 << 10;

/// The path of the function's only method.
pub(super) fn run_function() -> String {
    format!("/{SERVICE_NAME}/RunFunction")
}

/// All services, and what tells their health.
pub(super) async fn routes(
    function: Arc<Function>,
    admission: Admission,
) -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    let metrics = admission.metrics.clone();
    let runner = Runner { function, slots: Arc::new(Semaphore::new(cores())), metrics: metrics.clone() };
    // A response has no limit here: the function answers one that Crossplane would not take with a fatal result.
    let runner = FunctionRunnerServiceServer::new(runner).max_decoding_message_size(admission.max_request);
    let (reporter, health) = health_reporter();
    let health = health.max_decoding_message_size(SMALL);
    report(&reporter, ServingStatus::Serving).await;
    let reflected = || {
        let reflection = Reflection::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
        reflection.register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection = reflected().build_v1()?.max_decoding_message_size(SMALL);
    let routes = Routes::new(runner).add_service(health).add_service(reflection);
    let routes = routes.add_service(reflected().build_v1alpha()?.max_decoding_message_size(SMALL));
    let admitted = routes.into_axum_router().layer(from_fn_with_state(Arc::new(admission), admit));
    let counted = admitted.layer(from_fn_with_state(metrics, metrics::count));
    Ok((Routes::from(counted).prepare(), reporter))
}

/// What has a health: the server as a whole, and the function.
const SERVICES: [&str; 2] = ["", SERVICE_NAME];

async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}

/// Tells whoever watches the health that serving ends, and ends their streams: an open one would hold up the drain.
pub(super) async fn stop_serving(reporter: &mut HealthReporter) {
    report(reporter, ServingStatus::NotServing).await;
    for service in SERVICES {
        reporter.clear_service_status(service).await;
    }
}

/// The transport. A connection is ended in good order after about `age`, because Crossplane finds new replicas only
/// when it connects again.
pub(super) fn transport(age: Duration) -> Server {
    // No max_connection_age_grace: with it tonic 0.14 cuts the connection off without a GOAWAY before.
    let server = Server::builder().http2_keepalive_interval(Some(KEEPALIVE)).max_connection_age(jittered(age));
    server.max_concurrent_streams(STREAMS).initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Up to a tenth more or less, so that replicas started together are not all left at once.
fn jittered(duration: Duration) -> Duration {
    let random = std::hash::RandomState::new().hash_one(0) % 2001;
    let share = u16::try_from(random).map_or(0.0, f64::from) / 10_000.0;
    duration.mul_f64(0.9 + share)
}

struct Runner {
    function: Arc<Function>,
    /// One per core: calls beyond that would only slow each other down. Those that wait hold their requests already.
    slots: Arc<Semaphore>,
    metrics: Metrics,
}

/// Tells whoever looks at the composite resource, which will be the first to miss an answer.
fn warning(near: &NearLimit) -> Event {
    Event { warning: true, reason: EventReason::RequestNearLimit.as_str(), message: near.to_string() }
}

#[tonic::async_trait]
impl FunctionRunnerService for Runner {
    async fn run_function(&self, request: Request<RunFunctionRequest>) -> Result<Response<RunFunctionResponse>, Status> {
        let start = Instant::now();
        // A caller that gives up while waiting gives its place up too.
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|error| Status::internal(error.to_string()))?;
        let (function, metrics) = (Arc::clone(&self.function), self.metrics.clone());
        // On a thread of its own: a long call must not hold up probes and other connections.
        let call = tokio::task::spawn_blocking(move || {
            let (mut response, report) = shielded(request.get_ref(), |request| function(request));
            drop(slot);
            if let (Some(near), Outcome::Done) = (request.extensions().get::<NearLimit>(), report.outcome) {
                response.results.push(render_event(&warning(near)));
            }
            let duration = start.elapsed();
            metrics.called(&report, duration);
            logging::call(&report, duration);
            response
        });
        call.await.map(Response::new).map_err(|error| Status::internal(format!("the function did not answer: {error}")))
    }
}
