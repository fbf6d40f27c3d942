//! Without TLS, as `crossplane composition render` calls: the official SDK's client, health and reflection.
#![allow(clippy::unwrap_used, reason = "a test's own functions may panic as the test may")]

use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Running, is_refused, options, request};

#[tokio::test]
async fn the_official_client_is_answered() {
    let server = Running::start(&options(&["--insecure"])).await;
    let mut client = FunctionRunnerServiceClient::new(server.channel().await);
    let response = client.run_function(request()).await.unwrap().into_inner();
    assert!(is_refused(&response), "what a user does wrong is a fatal result, not an error of gRPC: {response:?}");
    server.stop().await;
}

#[tokio::test]
async fn health_is_told_for_the_server_and_the_function() {
    let server = Running::start(&options(&["--insecure"])).await;
    let mut client = HealthClient::new(server.channel().await);
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
        let mut client = ServerReflectionClient::new($server.channel().await);
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
    let mut client = FunctionRunnerServiceClient::new(server.channel().await);
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
