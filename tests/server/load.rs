//! Many calls at once, long ones, broken ones, and connections that come to their age.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test's own functions may panic as the test may, and its numbers are small"
)]

use std::time::Duration;

use function_modelplane::function::run;
use function_modelplane::server::{Server, Timing};
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{Gate, Running, get, is_refused, options, request, timing, until};

const METHOD: &str = "grpc_type=\"unary\",grpc_service=\"apiextensions.fn.proto.v1.FunctionRunnerService\",grpc_method=\"RunFunction\"";

fn cores() -> u32 {
    std::thread::available_parallelism().unwrap().get().try_into().unwrap()
}

async fn serve(gate: &Gate) -> Running {
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    Running::of(Server::start(&options, timing(), gate.function()).await.unwrap())
}

/// Starts so many calls on one connection; each is whether it was answered.
fn call(channel: &Channel, times: u32) -> JoinSet<bool> {
    let call = |_| {
        let mut client = FunctionRunnerServiceClient::new(channel.clone());
        async move { client.run_function(request()).await.is_ok_and(|response| is_refused(response.get_ref())) }
    };
    (0..times).map(call).collect()
}

#[tokio::test]
async fn long_calls_hold_up_neither_probes_nor_health() {
    let gate = Gate::new();
    let server = serve(&gate).await;
    let channel = server.channel().await;
    let calls = call(&channel, cores() + 2);
    gate.entered(cores()).await;
    assert!(get(server.probes.unwrap(), "/livez").await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(HealthClient::new(channel).check(HealthCheckRequest::default()).await.is_ok());
    gate.open();
    assert_eq!(calls.join_all().await, vec![true; (cores() + 2).try_into().unwrap()], "those that waited, too");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_has_so_many_calls_at_a_time_and_the_rest_after_them() {
    let gate = Gate::new();
    let server = serve(&gate).await;
    let channel = server.channel().await;
    // With the first answer the client has read how many streams it may open.
    assert!(HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.is_ok());
    // On a node with many cores, too: their memory is no more.
    let limit = 32;
    let calls = call(&channel, limit + 8);
    let started = format!("grpc_server_started_total{{{METHOD}}} {limit}");
    until("as many calls as allowed", async || server.counts(&started).await).await;
    sleep(Duration::from_millis(200)).await;
    assert!(server.counts(&started).await, "each holds its whole request in memory, so there are not more");
    gate.open();
    assert_eq!(calls.join_all().await, vec![true; (limit + 8).try_into().unwrap()]);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_comes_to_its_age_fails_no_call() {
    let timing = Timing { connection_age: Duration::from_millis(100), ..timing() };
    let slow = |request: &_| {
        std::thread::sleep(Duration::from_millis(30));
        run(request)
    };
    let server = Running::of(Server::start(&options(&["--insecure"]), timing, slow).await.unwrap());
    let channel = server.channel().await;
    let end = Instant::now() + Duration::from_millis(700);
    while Instant::now() < end {
        assert_eq!(call(&channel, 1).join_all().await, [true]);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_function_that_panics_has_answered_and_is_counted() {
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    let server = Running::of(Server::start(&options, timing(), |_| panic!("a mistake")).await.unwrap());
    let mut client = FunctionRunnerServiceClient::new(server.channel().await);
    for _ in 0..=cores() {
        let response = client.run_function(request()).await.unwrap().into_inner();
        assert_eq!(response.meta.unwrap().tag, "a-tag");
        assert!(
            response.results.iter().any(|result| result.message.starts_with("the function failed unexpectedly")),
            "and no slot is lost"
        );
    }
    assert!(server.counts(&format!("function_modelplane_fatal_results_total{{kind=\"other\"}} {}", cores() + 1)).await);
    server.stop().await;
}

/// What flow control lets in of calls that wait is a connection's own: without a bound on these it would be none on memory.
#[tokio::test]
async fn there_are_only_so_many_connections() {
    let server = Running::start(&options(&["--insecure"])).await;
    let mut channels = Vec::new();
    for _ in 0..64 {
        let channel = server.channel().await;
        assert!(HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.is_ok());
        channels.push(channel);
    }
    let one_more = async || match Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await {
        Ok(channel) => HealthClient::new(channel).check(HealthCheckRequest::default()).await.is_ok(),
        Err(_) => false,
    };
    assert!(!one_more().await);
    assert_eq!(call(&channels[0], 1).join_all().await, [true], "those that are there are not disturbed");
    channels.pop();
    until("one that goes makes room", one_more).await;
    server.stop().await;
}
