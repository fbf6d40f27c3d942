//! Plain HTTP beside gRPC: a kubelet has no client certificate to probe with, and whoever connects is nobody we know.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::accept::PAUSE;
use super::metrics::{CONTENT_TYPE, Metrics};

/// How many connections there may be. One more ends the oldest: those that ask get their answer at once, and do not stay.
const CONNECTIONS: usize = 64;

/// `/livez`, `/readyz`, which says no once `stop` is cancelled, and `/metrics`.
pub(super) fn router(metrics: Metrics, stop: CancellationToken) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async move || ready(&stop)))
        .route("/metrics", get(async move || text(&metrics)))
}

/// Serves for ever. A connection has one answer, and no longer than `limit` for all of it.
pub(super) async fn serve(listener: TcpListener, router: Router, limit: Duration) {
    let mut open = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|connection: &AbortOnDropHandle<()>| !connection.is_finished());
                if open.len() >= CONNECTIONS {
                    open.pop_front();
                }
                open.push_back(AbortOnDropHandle::new(tokio::spawn(answer(stream, router.clone(), limit))));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for probes");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, router: Router, limit: Duration) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limit).keep_alive(false);
    let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // Beyond the headers, for those who do not read their answer. What goes wrong is theirs.
    let _ = tokio::time::timeout(limit, served).await;
}

fn ready(stop: &CancellationToken) -> (StatusCode, &'static str) {
    if stop.is_cancelled() { (StatusCode::SERVICE_UNAVAILABLE, "draining\n") } else { (StatusCode::OK, "ok\n") }
}

fn text(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
