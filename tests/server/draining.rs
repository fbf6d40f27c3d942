//! The end of a server: nobody new, nobody cut off, nobody who holds it up.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own functions may panic as the test may")]

use std::time::Duration;

use bytes::Bytes;
use function_modelplane::server::{Server, Timing};
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::raw::{CHECK, RUN_FUNCTION, begun, call, framed, halted, large, whole};
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

/// Ends in good time although the drain may last ten seconds.
async fn ends_at_once(server: Running) {
    timeout(Duration::from_secs(5), server.stop()).await.expect("nothing is to be waited for");
}

/// Whoever depends on a peer has this long at the end.
fn impatient() -> Timing {
    Timing { leaving: Duration::from_millis(300), ..timing() }
}

async fn serve(timing: Timing) -> Running {
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    Running::of(Server::start(&options, timing, function_modelplane::function::run).await.unwrap())
}

/// Crossplane keeps its connection open between calls, and a peer need not do as a GOAWAY says.
#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let server = serve(timing()).await;
    let channel = server.channel().await;
    assert!(call(channel.clone(), RUN_FUNCTION, whole(framed(&request()))).await.is_ok());
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    ends_at_once(server).await;
    drop((channel, silent, deaf));
}

#[tokio::test]
async fn a_request_that_stops_halfway_does_not_hold_up_the_end() {
    let server = serve(impatient()).await;
    let channel = server.channel().await;
    let request = large(1_000_000);
    // One of which nothing is known, one that has its room, and one that is not for the function.
    let nothing = tokio::spawn(call(channel.clone(), RUN_FUNCTION, halted(Bytes::from_static(&[0, 0]))));
    let half = tokio::spawn(call(channel.clone(), RUN_FUNCTION, halted(request.slice(..500_000))));
    let health = tokio::spawn(call(channel.clone(), CHECK, halted(Bytes::from_static(&[0, 0]))));
    until("one has its room", async || !server.counts("function_modelplane_memory_in_flight_bytes 0").await).await;
    ends_at_once(server).await;
    for call in [nothing, half] {
        let told = call.await.unwrap().unwrap_err();
        let told = (told.code(), told.message().to_owned());
        assert_eq!(told, (Code::Unavailable, "this replica of the function is being stopped: call again, another one answers".to_owned()));
    }
    assert!(health.await.unwrap().is_err());
}

#[tokio::test]
async fn an_open_stream_of_reflection_does_not_hold_up_the_end() {
    let server = serve(impatient()).await;
    let channel = server.channel().await;
    let mut streams = Vec::new();
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let stream = begun(channel.clone(), &path, halted(Bytes::new())).await.unwrap();
        assert!(stream.status().is_success() && !stream.headers().contains_key("grpc-status"), "it is open: {stream:?}");
        streams.push(stream);
    }
    ends_at_once(server).await;
    drop(streams);
}

#[tokio::test]
async fn an_answer_that_is_not_taken_does_not_hold_up_the_end() {
    let options = options(&["--insecure", "--metrics-address", "127.0.0.1:0"]);
    let server = Running::of(Server::start(&options, impatient(), super::budget::verbose).await.unwrap());
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let channel = endpoint.initial_stream_window_size(65_535).connect().await.unwrap();
    let unread = begun(channel, RUN_FUNCTION, whole(framed(&request()))).await.unwrap();
    ends_at_once(server).await;
    drop(unread);
}
