//! Mutual TLS, with certificates that are replaced while the server runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own functions may panic as the test may")]

use std::time::Duration;

use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::time::{Instant, sleep};
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::certificates::Authority;
use super::{Running, is_refused, options, request};

/// Whether a call with these certificates is answered, on a connection of its own.
async fn answers(server: &Running, tls: ClientTlsConfig) -> bool {
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", server.address.port())).unwrap();
    // The name is resolved to IPv6 as well, where nothing listens; tonic then tries the next address.
    let Ok(channel) = endpoint.tls_config(tls).unwrap().connect().await else { return false };
    let answer = FunctionRunnerServiceClient::new(channel).run_function(request()).await;
    answer.is_ok_and(|response| is_refused(response.get_ref()))
}

async fn serve(folder: &std::path::Path) -> Running {
    Running::start(&options(&["--tls-certs-dir", folder.to_str().unwrap(), "--metrics-address", "127.0.0.1:0"])).await
}

#[tokio::test]
async fn only_a_client_of_the_same_authority_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    ours.mount(folder.path(), "..1", &ours.server());
    let server = serve(folder.path()).await;
    assert!(answers(&server, ours.trusted(Some(&ours.client()))).await);
    assert!(!answers(&server, ours.trusted(None)).await, "a client must show a certificate");
    assert!(!answers(&server, ours.trusted(Some(&other.client()))).await, "of the authority in ca.crt");
    assert!(!answers(&server, ours.trusted(Some(&ours.server()))).await, "that was made for a client");
    server.stop().await;
}

#[tokio::test]
async fn rotated_certificates_are_taken_into_use_and_bad_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (Authority::new(), Authority::new());
    before.mount(folder.path(), "..1", &before.server());
    let server = serve(folder.path()).await;
    let (old, new) = (before.client(), after.client());
    assert!(answers(&server, before.trusted(Some(&old))).await);

    // A key of another certificate: the three files are only good together.
    before.mount(folder.path(), "..2", &before.server().mixed_with(before.server()));
    sleep(Duration::from_millis(300)).await;
    assert!(answers(&server, before.trusted(Some(&old))).await, "the old set stays in use");

    after.mount(folder.path(), "..3", &after.server());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !answers(&server, after.trusted(Some(&new))).await {
        assert!(Instant::now() < deadline, "the new set is not taken into use");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(!answers(&server, before.trusted(Some(&old))).await, "the old authority counts no more");
    server.stop().await;
}
