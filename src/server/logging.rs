//! Logs: JSON on stderr, one line a call.

use std::panic::PanicHookInfo;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::function::Report;

/// The crates below us log every frame at debug: that would bury our own lines.
const DEBUG: &str = "debug,h2=info,hyper=info,hyper_util=info,tonic=info,tower=info,rustls=info";

/// Sends the process's logs to stderr, panics among them. `RUST_LOG`, where it says something, replaces the level.
pub(super) fn init(debug: bool) {
    // An empty one would turn all logs off.
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.trim().is_empty());
    let filter = wanted.and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(if debug { DEBUG } else { "info" }));
    // A log that nobody reads any more must not end the process: reporting that would be a write to stderr, which panics.
    let json =
        tracing_subscriber::fmt().log_internal_errors(false).json().flatten_event(true).with_current_span(false).with_span_list(false);
    // A process that logs already keeps its way of doing so.
    if json.with_writer(std::io::stderr).with_env_filter(filter).try_init().is_ok() {
        std::panic::set_hook(Box::new(panicked));
    }
}

/// A panic as a line of the log; else it would be several of plain text.
fn panicked(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied());
    tracing::error!(location = panic.location().map(tracing::field::display), panic = text, "panicked");
}

/// The line about a call.
pub(super) fn call(report: &Report, duration: Duration) {
    let rejected: Vec<String> = report.rejected.iter().map(|(reason, count)| format!("{reason}={count}")).collect();
    tracing::info!(
        tag = report.tag,
        kind = report.kind,
        namespace = report.namespace,
        name = report.name,
        iteration = report.iteration,
        duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3,
        outcome = ?report.outcome,
        placed = report.placed,
        wanted = report.wanted,
        rejected = rejected.join(","),
        fatal = report.message,
        "call"
    );
}
