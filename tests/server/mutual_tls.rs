//! Mutual TLS, with certificates that are replaced while the server runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own functions may panic as the test may")]

use std::path::Path;
use std::time::Duration;

use function_modelplane::function::run;
use function_modelplane::server::{Options, Server, Timing};
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::net::TcpStream;
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::certificates::Authority;
use super::{Running, is_refused, options, request, timing, until};

/// Whether a call with these certificates is answered, on a connection of its own.
pub(super) async fn answers(server: &Running, tls: ClientTlsConfig) -> bool {
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", server.address.port())).unwrap();
    // The name is resolved to IPv6 as well, where nothing listens; tonic then tries the next address.
    let Ok(channel) = endpoint.tls_config(tls).unwrap().connect().await else { return false };
    let answer = FunctionRunnerServiceClient::new(channel).run_function(request()).await;
    answer.is_ok_and(|response| is_refused(response.get_ref()))
}

fn flags(folder: &Path) -> Options {
    options(&["--tls-certs-dir", folder.to_str().unwrap(), "--metrics-address", "127.0.0.1:0"])
}

async fn serve(folder: &Path) -> Running {
    Running::start(&flags(folder)).await
}

/// Waits until so many changes of the files have come to this.
async fn reloaded(server: &Running, result: &str, count: u32) {
    let line = format!("function_modelplane_certificate_reloads_total{{result=\"{result}\"}} {count}");
    until(&line, async || server.counts(&line).await).await;
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

    let another = before.server();
    before.mount(folder.path(), "..2", &before.server().mixed_with(another));
    reloaded(&server, "failed", 1).await;
    assert!(answers(&server, before.trusted(Some(&old))).await, "a key of another certificate: the old set stays in use");

    after.mount(folder.path(), "..3", &before.server());
    reloaded(&server, "failed", 2).await;
    assert!(answers(&server, before.trusted(Some(&old))).await, "a rotation half done: the new authority would refuse every client");

    after.mount(folder.path(), "..4", &after.server());
    reloaded(&server, "ok", 1).await;
    assert!(answers(&server, after.trusted(Some(&new))).await);
    assert!(!answers(&server, before.trusted(Some(&old))).await, "the old authority counts no more");
    server.stop().await;
}

/// Crossplane renews no certificate: without this nobody knows before the last day.
#[tokio::test]
async fn the_expiry_of_the_certificate_in_use_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.mount(folder.path(), "..1", &authority.server_until(2030));
    let server = serve(folder.path()).await;
    assert!(server.counts("function_modelplane_certificate_not_after_timestamp_seconds 1893456000").await, "2030-01-01");
    authority.mount(folder.path(), "..2", &authority.server_until(2040));
    reloaded(&server, "ok", 1).await;
    assert!(server.counts("function_modelplane_certificate_not_after_timestamp_seconds 2208988800").await, "2040-01-01");
    server.stop().await;
}

#[tokio::test]
async fn clients_may_have_an_authority_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    clients.mount(folder.path(), "..1", &servers.server());
    let server = serve(folder.path()).await;
    let client = clients.client();
    assert!(answers(&server, servers.trusted(Some(&client))).await);
    clients.mount(folder.path(), "..2", &servers.server());
    reloaded(&server, "ok", 1).await;
    assert!(answers(&server, servers.trusted(Some(&client))).await, "where it always was so, a rotation is no reason to refuse");
    server.stop().await;
}

#[tokio::test]
async fn who_connects_and_stays_silent_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new();
    ours.mount(folder.path(), "..1", &ours.server());
    let timing = Timing { handshake: Duration::from_secs(2), ..timing() };
    let server = Running::of(Server::start(&flags(folder.path()), timing, run).await.unwrap());
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert!(answers(&server, ours.trusted(Some(&ours.client()))).await);
    let failed = |count| format!("function_modelplane_tls_handshakes_failed_total {count}");
    assert!(server.counts(&failed(0)).await, "the answer came before any of them was given up");
    until("all of them are counted", async || server.counts(&failed(40)).await).await;
    server.stop().await;
}
