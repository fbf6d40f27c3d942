//! Logs: JSON on stderr, one line a call. A line that nobody reads is lost and counted: it must not hold up a call.

use std::borrow::Cow;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::EitherWriter;

use crate::function::Report;

/// The crates below us log every frame at debug: that would bury our own lines.
const DEBUG: &str = "debug,h2=info,hyper=info,hyper_util=info,tonic=info,tower=info,rustls=info";

/// How many lines may wait to be written.
const LINES: usize = 1024;

/// How much of a text a line has: others decide how long their names are.
const TEXT: usize = 1000;

/// How long to wait at the end for the lines that are left.
const FLUSH: Duration = Duration::from_secs(2);

/// The lines that found no room.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// The lines that stderr did not take.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Whether lines are written by a thread of their own.
static WRITING: AtomicBool = AtomicBool::new(false);

/// Writes what is left when dropped.
pub(super) struct Log(Option<WorkerGuard>);

impl Drop for Log {
    fn drop(&mut self) {
        let Some(guard) = self.0.take() else { return };
        WRITING.store(false, Relaxed);
        let (done, flushed) = channel();
        // On a thread of its own, because the guard may print.
        std::thread::spawn(move || {
            drop(guard);
            let _ = done.send(());
        });
        let _ = flushed.recv_timeout(FLUSH);
    }
}

/// How many lines have been lost.
pub(super) fn lost() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    u64::try_from(dropped).unwrap_or(u64::MAX).saturating_add(FAILED.load(Relaxed))
}

/// Sends the process's logs to stderr, panics among them. `RUST_LOG`, where it says something, replaces the level.
pub(super) fn init(debug: bool) -> Log {
    // An empty one would turn all logs off.
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.trim().is_empty());
    let filter = wanted.and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(if debug { DEBUG } else { "info" }));
    // A log that nobody reads any more must not end the process: reporting that would be a write to stderr, which panics.
    let json =
        tracing_subscriber::fmt().log_internal_errors(false).json().flatten_event(true).with_current_span(false).with_span_list(false);
    let (lines, guard) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).thread_name("log").finish(Stderr);
    let dropped = lines.error_counter();
    // A process that logs already keeps its way of doing so.
    if json.with_writer(move || writer(&lines)).with_env_filter(filter).try_init().is_err() {
        return Log(None);
    }
    let _ = DROPPED.set(dropped);
    WRITING.store(true, Relaxed);
    std::panic::set_hook(Box::new(panicked));
    Log(Some(guard))
}

/// Before and after there is a thread for it, a line is written at once.
fn writer(lines: &NonBlocking) -> EitherWriter<NonBlocking, Stderr> {
    if WRITING.load(Relaxed) { EitherWriter::A(lines.clone()) } else { EitherWriter::B(Stderr) }
}

/// Counts what it cannot write.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().write(line).inspect_err(|_| {
            FAILED.fetch_add(1, Relaxed);
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// As much of a text as a line has.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
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
        tag = &*short(&report.tag),
        kind = &*short(&report.kind),
        namespace = &*short(&report.namespace),
        name = &*short(&report.name),
        iteration = report.iteration,
        duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3,
        outcome = ?report.outcome,
        placed = report.placed,
        wanted = report.wanted,
        rejected = rejected.join(","),
        fatal = report.message.as_deref().map(short).as_deref(),
        "call"
    );
}
