//! The program as it is started: flags, their environment variables, exit codes, logs, signals.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own functions may panic as the test may")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use serde_json::{Value, json};

use super::request;

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_function-modelplane"));
    program.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    program
}

/// The next line of the log.
fn logged(log: &mut BufReader<ChildStderr>) -> Value {
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a line of JSON: {line}"))
}

/// Ends a process that the test started, as a kubelet does.
fn terminate(child: &Child) {
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
}

#[tokio::test]
async fn it_logs_one_line_a_call_and_ends_well_on_sigterm() {
    let mut child = program().args(["--insecure", "--address", "127.0.0.1:0"]).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let serving = logged(&mut log);
    assert_eq!((&serving["message"], &serving["insecure"]), (&json!("serving"), &json!(true)));
    let address = serving["address"].as_str().unwrap().to_owned();
    let mut client = FunctionRunnerServiceClient::connect(format!("http://{address}")).await.unwrap();
    client.run_function(request()).await.unwrap();
    drop(client);
    let mut call = logged(&mut log);
    let fields = call.as_object_mut().unwrap();
    assert!(fields.remove("timestamp").unwrap().is_string());
    assert!(fields.remove("duration_ms").unwrap().is_f64());
    let fatal = "cannot compose a Pod of v1; use this function for ModelDeployment, ClusterModel, Model and InferenceEnvironment of \
                 modelplane.ai/v1alpha1";
    assert_eq!(
        call,
        json!({"level": "INFO", "target": "function_modelplane::server::logging", "message": "call", "tag": "a-tag", "kind": "Pod",
               "namespace": "team", "name": "x", "iteration": 1, "outcome": "Fatal", "placed": 0, "wanted": 0, "rejected": "", "fatal": fatal})
    );
    terminate(&child);
    assert_eq!(logged(&mut log)["message"], json!("draining"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn every_flag_has_an_environment_variable() {
    // The Docker runtime of `crossplane composition render` passes nothing but --insecure.
    let mut child = program()
        .env("FUNCTION_MODELPLANE_ADDRESS", "127.0.0.1:0")
        .env("FUNCTION_MODELPLANE_INSECURE", "true")
        .env("FUNCTION_MODELPLANE_MAX_RECV_MESSAGE_SIZE", "8")
        .env("FUNCTION_MODELPLANE_METRICS_ADDRESS", "127.0.0.1:0")
        .env("FUNCTION_MODELPLANE_DEBUG", "true")
        .env("TLS_SERVER_CERTS_DIR", "/nowhere")
        .spawn()
        .unwrap();
    // The log is closed behind its first line, which is nothing to die of.
    let serving = logged(&mut BufReader::new(child.stderr.take().unwrap()));
    assert_eq!((&serving["message"], &serving["insecure"]), (&json!("serving"), &json!(true)), "--insecure wins over certificates");
    assert!(serving["probes"].as_str().unwrap().starts_with("127.0.0.1:"));
    terminate(&child);
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_does_not_start_without_usable_certificates() {
    let cases: [(&[&str], &str); 2] = [
        (&[], "function-modelplane: cannot serve without certificates: give --tls-certs-dir"),
        (&["--tls-certs-dir", "/nowhere"], "function-modelplane: cannot read /nowhere/tls.crt: "),
    ];
    for (words, message) in cases {
        let output = program().args(["--address", "127.0.0.1:0"]).args(words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(message), "{said}");
        assert_eq!(output.status.code(), Some(2));
    }
}
