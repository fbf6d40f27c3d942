//! Logs: JSON on stderr, one line a call.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::function::Report;

/// The crates below us log every frame at debug: that would bury our own lines.
const DEBUG: &str = "debug,h2=info,hyper=info,hyper_util=info,tonic=info,tower=info,rustls=info";

/// Sends the process's logs to stderr. `RUST_LOG`, where set, replaces the level.
pub(super) fn init(debug: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(if debug { DEBUG } else { "info" }));
    // A log that nobody reads any more must not end the process: reporting that would be a write to stderr, which panics.
    let json =
        tracing_subscriber::fmt().log_internal_errors(false).json().flatten_event(true).with_current_span(false).with_span_list(false);
    // A process that logs already keeps its way of doing so.
    let _ = json.with_writer(std::io::stderr).with_env_filter(filter).try_init();
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
