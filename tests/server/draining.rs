//! The end of a server: nobody new, nobody cut off, nobody who holds it up.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own functions may panic as the test may")]

use std::time::Duration;

use function_modelplane::server::Server;
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Gate, Running, get, is_refused, options, request, timing, until};

#[tokio::test]
async fn a_call_in_flight_is_finished_while_nothing_new_comes_in() {
    let gate = Gate::new();
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    let server = Running::of(Server::start(&options, timing(), gate.function()).await.unwrap());
    let mut client = FunctionRunnerServiceClient::new(server.channel().await);
    let call = tokio::spawn(async move { client.run_function(request()).await });
    gate.entered(1).await;
    let (address, probes) = (server.address, server.probes.unwrap());
    let stopping = tokio::spawn(server.stop());
    until("nothing new is accepted", async || TcpStream::connect(address).await.is_err()).await;
    assert!(!stopping.is_finished(), "a call is in flight");
    assert!(get(probes, "/readyz").await.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "a Service sends nobody here any more");
    assert!(get(probes, "/livez").await.starts_with("HTTP/1.1 200 OK\r\n"), "a kubelet must not kill what finishes its calls");
    gate.open();
    assert!(is_refused(call.await.unwrap().unwrap().get_ref()));
    stopping.await.unwrap();
}

#[tokio::test]
async fn who_watches_the_health_does_not_hold_up_the_end() {
    let server = Running::start(&options(&["--insecure"])).await;
    let mut client = HealthClient::new(server.channel().await);
    let asked = HealthCheckRequest { service: "apiextensions.fn.proto.v1.FunctionRunnerService".to_owned() };
    let mut watched = client.watch(asked).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let end = async {
        let stopping = tokio::spawn(server.stop());
        assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(watched.message().await.unwrap(), None);
        stopping.await.unwrap();
    };
    timeout(Duration::from_secs(5), end).await.expect("the drain may last ten seconds, and nothing is to be waited for");
}
