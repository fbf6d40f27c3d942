//! Probes and metrics over plain HTTP, beside mutual TLS that neither a kubelet nor Prometheus could do.
#![allow(clippy::unwrap_used, reason = "a test's own functions may panic as the test may")]

use std::time::Duration;

use function_modelplane::function::run;
use function_modelplane::server::{Server, Timing};
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Running, get, options, request, timing};

#[tokio::test]
async fn probes_and_metrics_are_answered() {
    let server = Running::start(&options(&["--insecure", "--metrics-address", "127.0.0.1:0"])).await;
    let address = server.probes.unwrap();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert!(get(address, path).await.starts_with("HTTP/1.1 200 OK\r\n"), "{path}");
    }
    assert!(get(address, "/other").await.starts_with("HTTP/1.1 404 Not Found\r\n"));
    server.stop().await;
}

#[tokio::test]
async fn calls_are_counted_under_the_names_of_the_other_sdks() {
    let server = Running::start(&options(&["--insecure", "--metrics-address", "127.0.0.1:0"])).await;
    let mut client = FunctionRunnerServiceClient::new(server.channel().await);
    client.run_function(request()).await.unwrap();
    let text = get(server.probes.unwrap(), "/metrics").await;
    let method = "grpc_type=\"unary\",grpc_service=\"apiextensions.fn.proto.v1.FunctionRunnerService\",grpc_method=\"RunFunction\"";
    for line in [
        &format!("grpc_server_started_total{{{method}}} 1"),
        &format!("grpc_server_handled_total{{{method},grpc_code=\"OK\"}} 1"),
        &format!("grpc_server_msg_received_total{{{method}}} 1"),
        &format!("grpc_server_msg_sent_total{{{method}}} 1"),
        "function_modelplane_call_duration_seconds_count{kind=\"other\"} 1",
        "function_modelplane_fatal_results_total{kind=\"other\"} 1",
        "function_modelplane_fatal_results_total{kind=\"ModelDeployment\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn by_hand_nothing_listens_for_probes_unless_it_is_asked_for() {
    let server = Running::start(&options(&["--insecure"])).await;
    assert_eq!(server.probes, None);
    server.stop().await;
}

/// A connection for probes that has said so much.
async fn said(server: &Running, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.probes.unwrap()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Whether the server has closed a connection, or does so in good time, without an answer.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it is still open");
    answer.is_empty() || answer.starts_with(b"HTTP/1.1 408")
}

/// Whoever can reach the port could otherwise hold as many connections as there are file descriptors, which gRPC needs too.
#[tokio::test]
async fn a_probe_that_does_not_finish_its_question_is_cut_off() {
    let timing = Timing { probe: Duration::from_millis(300), ..timing() };
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    let server = Running::of(Server::start(&options, timing, run).await.unwrap());
    for beginning in ["", "GET /livez HTTP/1.1\r\nHost: function\r\n"] {
        assert!(is_closed(&mut said(&server, beginning).await).await, "{beginning:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn of_many_open_probes_the_oldest_makes_room() {
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    let timing = Timing { probe: Duration::from_secs(60), ..timing() };
    let server = Running::of(Server::start(&options, timing, run).await.unwrap());
    let mut oldest = said(&server, "GET").await;
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(said(&server, "GET").await);
    }
    assert!(is_closed(&mut oldest).await, "it may stay for a minute, but there are more than 64");
    assert!(get(server.probes.unwrap(), "/livez").await.starts_with("HTTP/1.1 200 OK\r\n"), "a kubelet always gets its answer");
    server.stop().await;
}
