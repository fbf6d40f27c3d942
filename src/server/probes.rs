//! Plain HTTP beside gRPC: a kubelet has no client certificate to probe with.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use super::metrics::{CONTENT_TYPE, Metrics};

/// `/livez`, `/readyz`, which says no once `stop` is cancelled, and `/metrics`.
pub(super) fn router(metrics: Metrics, stop: CancellationToken) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async move || ready(&stop)))
        .route("/metrics", get(async move || text(&metrics)))
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
