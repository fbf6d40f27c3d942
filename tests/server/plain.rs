//! Without TLS, as `crossplane composition render` calls: the official SDK's client, health and reflection.
#![allow(clippy::unwrap_used, reason = "a test's own functions may panic as the test may")]

use std::sync::Arc;
use std::time::Duration;

use function_modelplane::function::proto::RunFunctionResponse;
use function_modelplane::function::{Report, run};
use function_modelplane::server::Server;
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tokio::sync::Semaphore;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Running, is_refused, options, request, timing};

async fn channel(server: &Running) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn the_official_client_is_answered() {
    let server = Running::start(&options(&["--insecure"])).await;
    let mut client = FunctionRunnerServiceClient::new(channel(&server).await);
    let response = client.run_function(request()).await.unwrap().into_inner();
    assert!(is_refused(&response), "what a user does wrong is a fatal result, not an error of gRPC: {response:?}");
    server.stop().await;
}

#[tokio::test]
async fn health_is_told_for_the_server_and_the_function() {
    let server = Running::start(&options(&["--insecure"])).await;
    let mut client = HealthClient::new(channel(&server).await);
    for service in ["", "apiextensions.fn.proto.v1.FunctionRunnerService"] {
        let response = client.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(response.get_ref().status(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = client.check(HealthCheckRequest { service: "other".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    server.stop().await;
}

/// Asks one version of the reflection service for all services.
macro_rules! reflected_services {
    ($version:ident, $server:expr) => {{
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
        let asked = tonic_reflection::pb::$version::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new(channel($server).await);
        let mut answers = client.server_reflection_info(tokio_stream::once(asked)).await.unwrap().into_inner();
        match answers.message().await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => list.service.into_iter().map(|service| service.name).collect::<Vec<_>>(),
            _ => Vec::new(),
        }
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_list_the_function() {
    let server = Running::start(&options(&["--insecure"])).await;
    for mut services in [reflected_services!(v1, &server), reflected_services!(v1alpha, &server)] {
        services.sort();
        services.retain(|service| !service.starts_with("grpc.reflection"));
        assert_eq!(services, ["apiextensions.fn.proto.v1.FunctionRunnerService", "grpc.health.v1.Health"]);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_and_one_below_is_not() {
    let server = Running::start(&options(&["--insecure", "--max-recv-message-size", "1"])).await;
    let mut client = FunctionRunnerServiceClient::new(channel(&server).await);
    let with_tag = |bytes: usize| {
        let mut request = request();
        request.meta.as_mut().unwrap().tag = "x".repeat(bytes);
        request
    };
    assert!(client.run_function(with_tag(900_000)).await.is_ok());
    let refused = client.run_function(with_tag(1_100_000)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_in_flight_is_finished_before_the_server_ends() {
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (enter, left) = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = move |request| -> (RunFunctionResponse, Report) {
        enter.add_permits(1);
        while left.try_acquire().is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        run(&request)
    };
    let server = Running::of(Server::start(&options(&["--insecure"]), timing(), slow).await.unwrap());
    let mut client = FunctionRunnerServiceClient::new(channel(&server).await);
    let call = tokio::spawn(async move { client.run_function(request()).await });
    drop(entered.acquire().await.unwrap());
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!stopping.is_finished(), "nothing new is accepted, but a call is in flight");
    leave.add_permits(1);
    assert!(is_refused(call.await.unwrap().unwrap().get_ref()));
    stopping.await.unwrap();
}
