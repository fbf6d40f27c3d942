//! Probes and metrics over plain HTTP, beside mutual TLS that neither a kubelet nor Prometheus could do.
#![allow(clippy::unwrap_used, reason = "a test's own functions may panic as the test may")]

use std::net::SocketAddr;

use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Running, options, request};

/// The status line and the whole answer to a GET.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nHost: function\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.lines().next().unwrap_or_default().to_owned(), answer)
}

#[tokio::test]
async fn probes_and_metrics_are_answered() {
    let server = Running::start(&options(&["--insecure", "--metrics-address", "127.0.0.1:0"])).await;
    let address = server.probes.unwrap();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(address, path).await.0, "HTTP/1.1 200 OK", "{path}");
    }
    assert_eq!(get(address, "/other").await.0, "HTTP/1.1 404 Not Found");
    server.stop().await;
}

#[tokio::test]
async fn calls_are_counted_under_the_names_of_the_other_sdks() {
    let server = Running::start(&options(&["--insecure", "--metrics-address", "127.0.0.1:0"])).await;
    let mut client = FunctionRunnerServiceClient::connect(format!("http://{}", server.address)).await.unwrap();
    client.run_function(request()).await.unwrap();
    let (_, text) = get(server.probes.unwrap(), "/metrics").await;
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
