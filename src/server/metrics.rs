//! Metrics, in the text format of Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use tonic::{Code, Status};

use super::logging;
use crate::api::kinds::{KINDS, Kind};
use crate::function::{Outcome, Report};

/// What `/metrics` is served as.
pub(super) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The unary methods served. Like the Go SDK's functions we count no streams, and a made-up path makes no series.
const METHODS: [[&str; 2]; 2] = [["apiextensions.fn.proto.v1.FunctionRunnerService", "RunFunction"], ["grpc.health.v1.Health", "Check"]];

/// The kinds we answer for; a label may not take whatever a request says.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// Everything counted. Clones count together.
#[derive(Clone)]
pub(super) struct Metrics {
    started: Counters<3>,
    handled: Counters<4>,
    received: Counters<3>,
    sent: Counters<3>,
    seconds: Family<Labels<1>, Histogram, fn() -> Histogram>,
    fatal: Counters<1>,
    wanted: Counter,
    placed: Counter,
    rejections: Family<[(&'static str, &'static str); 1], Counter>,
    reloads: Counters<1>,
    handshakes_failed: Counter,
    memory: Memory,
    /// 0 without a certificate.
    expiry: Gauge,
}

/// What is known of requests and the memory that they take.
#[derive(Clone, Default)]
struct Memory {
    budget: Gauge,
    in_flight: Gauge,
    waiting: Gauge,
    limit: Gauge,
    largest: Gauge,
    near_limit: Counter,
    requested: Counter,
    warned: Arc<AtomicBool>,
}

impl Metrics {
    /// Everything at zero; series known beforehand exist from the start, so that their first increase is seen.
    pub(super) fn new() -> Self {
        let metrics = Self {
            started: Family::default(),
            handled: Family::default(),
            received: Family::default(),
            sent: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            fatal: Family::default(),
            wanted: Counter::default(),
            placed: Counter::default(),
            rejections: Family::default(),
            reloads: Family::default(),
            handshakes_failed: Counter::default(),
            memory: Memory::default(),
            expiry: Gauge::default(),
        };
        for [service, method] in METHODS {
            let labels = rpc(service, method);
            drop(metrics.started.get_or_create(&labels));
            drop(metrics.received.get_or_create(&labels));
            drop(metrics.sent.get_or_create(&labels));
            drop(metrics.handled.get_or_create(&with_code(labels, Code::Ok)));
        }
        for kind in KINDS.map(|kind| kind.name) {
            drop(metrics.seconds.get_or_create(&[("kind", kind)]));
            drop(metrics.fatal.get_or_create(&[("kind", kind)]));
        }
        for result in [Ok(()), Err(())] {
            drop(metrics.reloads.get_or_create(&reload_labels(result)));
        }
        metrics
    }

    /// Counts a call of the function that took `duration`.
    pub(super) fn called(&self, report: &Report, duration: Duration) {
        let kind = [("kind", Kind::of(&report.kind).map_or("other", |kind| kind.name))];
        self.seconds.get_or_create(&kind).observe(duration.as_secs_f64());
        match report.outcome {
            Outcome::Waiting => {}
            Outcome::Fatal => {
                self.fatal.get_or_create(&kind).inc();
            }
            Outcome::Done => {
                self.wanted.inc_by(report.wanted.into());
                self.placed.inc_by(report.placed.into());
                for (reason, count) in &report.rejected {
                    self.rejections.get_or_create(&[("reason", *reason)]).inc_by((*count).into());
                }
            }
        }
    }

    /// Counts new certificates that were taken into use or could not be.
    pub(super) fn reloaded(&self, result: Result<(), ()>) {
        self.reloads.get_or_create(&reload_labels(result)).inc();
    }

    /// Counts a connection that did not get through the TLS handshake.
    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    /// Tells how many bytes calls may take together.
    pub(super) fn budget(&self, bytes: usize) {
        self.memory.budget.set(whole(bytes));
    }

    /// Tells what a call takes, and took before.
    pub(super) fn in_flight(&self, before: usize, now: usize) {
        self.memory.in_flight.inc_by(whole(now).saturating_sub(whole(before)));
    }

    /// Counts a call that waits for room, until what is returned is dropped.
    pub(super) fn waiting(&self) -> Waiting {
        self.memory.waiting.inc();
        Waiting(self.memory.waiting.clone())
    }

    /// Tells the largest request that is taken.
    pub(super) fn limit(&self, bytes: usize) {
        self.memory.limit.set(whole(bytes));
    }

    /// Counts a request of so many bytes, where there is a limit. Tells where it is near that.
    pub(super) fn requested(&self, bytes: usize, limit: usize) -> Option<NearLimit> {
        self.memory.largest.inner().fetch_max(whole(bytes), Relaxed);
        self.memory.requested.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        if bytes <= limit.saturating_sub(limit / 4) {
            return None;
        }
        self.memory.near_limit.inc();
        let near = NearLimit { bytes, limit };
        if !self.memory.warned.swap(true, Relaxed) {
            tracing::warn!(bytes, limit, "{near}; further ones are only counted, in function_modelplane_requests_near_limit_total");
        }
        Some(near)
    }

    /// Tells when the certificate in use expires, in seconds since 1970.
    pub(super) fn expires(&self, at: i64) {
        self.expiry.set(at);
    }

    /// The text served at `/metrics`.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        // The SDKs' names and help texts: dashboards made for other functions show this one too.
        add(&mut registry, "grpc_server_started", "Total number of RPCs started on the server", &self.started);
        let help = "Total number of RPCs completed on the server, regardless of success or failure";
        add(&mut registry, "grpc_server_handled", help, &self.handled);
        add(&mut registry, "grpc_server_msg_received", "Total number of RPC stream messages received on the server", &self.received);
        add(&mut registry, "grpc_server_msg_sent", "Total number of gRPC stream messages sent by the server", &self.sent);

        let own = registry.sub_registry_with_prefix("function_modelplane");
        add(own, "call_duration_seconds", "Time taken by a call, by the kind of the composite resource", &self.seconds);
        add(own, "fatal_results", "Calls answered with a fatal result, by the kind of the composite resource", &self.fatal);
        add(own, "placements_wanted", "Placements that owners asked for, summed over calls with a final answer", &self.wanted);
        add(own, "placements_placed", "Placements that were made or kept, summed over calls with a final answer", &self.placed);
        add(own, "rejections", "Environments turned down by calls with a final answer, by reason", &self.rejections);
        add(own, "certificate_reloads", "Changed certificates, by whether they could be taken into use", &self.reloads);
        add(own, "tls_handshakes_failed", "Connections that did not get through the TLS handshake", &self.handshakes_failed);
        if self.expiry.get() != 0 {
            let help = "When the certificate in use expires, in seconds since 1970";
            add(own, "certificate_not_after_timestamp_seconds", help, &self.expiry);
        }
        own.register("log_lines_lost", "Lines of the log that could not be written", ConstCounter::new(logging::lost()));
        self.memory.add(own);
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Memory {
    fn add(&self, own: &mut Registry) {
        add(own, "memory_budget_bytes", "Memory that calls may take together", &self.budget);
        add(own, "memory_in_flight_bytes", "Memory set aside for calls: requests, what is made of them, answers", &self.in_flight);
        add(own, "calls_waiting", "Calls that wait for others to give back memory", &self.waiting);
        add(own, "request_limit_bytes", "The largest request that is taken", &self.limit);
        add(own, "request_largest_bytes", "The largest request so far", &self.largest);
        add(own, "request_bytes", "Bytes of all requests", &self.requested);
        add(own, "requests_near_limit", "Requests over 75% of the limit", &self.near_limit);
    }
}

/// A request that is over three quarters of the limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct NearLimit {
    bytes: usize,
    limit: usize,
}

impl fmt::Display for NearLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, limit } = self;
        let advice = "raise --max-recv-message-size and the memory limit of the function's pods, or let fewer objects be required";
        write!(f, "a request has {bytes} bytes, over 75% of the {limit} that are taken, and over that no call is answered; {advice}")
    }
}

/// A call that waits.
pub(super) struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn whole(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn add(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register(name, help, metric.clone());
}

fn rpc(service: &'static str, method: &'static str) -> Labels<3> {
    [("grpc_type", "unary"), ("grpc_service", service), ("grpc_method", method)]
}

fn with_code([r#type, service, method]: Labels<3>, code: Code) -> Labels<4> {
    [r#type, service, method, ("grpc_code", code_name(code))]
}

fn reload_labels(result: Result<(), ()>) -> Labels<1> {
    [("result", if result.is_ok() { "ok" } else { "failed" })]
}

/// The name that gRPC in Go has for a code.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

/// Counts the RPCs that pass through.
pub(super) async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let Some([service, method]) = METHODS.into_iter().find(|[service, method]| path.split_once('/') == Some((*service, *method))) else {
        return next.run(request).await;
    };
    let labels = rpc(service, method);
    metrics.started.get_or_create(&labels).inc();
    metrics.received.get_or_create(&labels).inc();
    let mut rpc = Rpc { metrics, labels, code: Code::Cancelled };
    let response = next.run(request).await;
    // A unary answer with an error is headers only; one without has its status after the body.
    rpc.code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
    response
}

/// An RPC that has started; it counts as handled when dropped, also when that is because the caller went away.
struct Rpc {
    metrics: Metrics,
    labels: Labels<3>,
    code: Code,
}

impl Drop for Rpc {
    fn drop(&mut self) {
        self.metrics.handled.get_or_create(&with_code(self.labels, self.code)).inc();
        if self.code == Code::Ok {
            self.metrics.sent.get_or_create(&self.labels).inc();
        }
    }
}
