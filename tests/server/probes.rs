//! Probes and metrics over plain HTTP, beside mutual TLS that neither a kubelet nor Prometheus could do.
#![allow(clippy::unwrap_used, reason = "a test's own functions may panic as the test may")]

use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;

use super::{Running, get, options, request};

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
