//! The program as it is started: flags, their environment variables, exit codes, logs, signals.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test's own functions may panic as the test may")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use function_modelplane::server;
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use serde_json::{Value, json};

use super::{get, options, request};

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_function-modelplane"));
    program.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    program
}

/// The program while it runs; it does not outlive a test that fails.
pub(super) struct Started {
    child: Child,
    log: Option<Receiver<String>>,
}

impl Started {
    pub(super) fn new(program: &mut Command) -> Self {
        let mut child = program.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        // A line is waited for with a limit, and once nobody waits the log is closed.
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, log: Some(lines) }
    }

    /// One whose log is read up to its first line and no further, until what is returned is dropped.
    fn unread(program: &mut Command) -> (Self, Value, BufReader<ChildStderr>) {
        let mut child = program.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let started = Self { child, log: None };
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        (started, serde_json::from_str(&line).unwrap(), log)
    }

    /// The next line of the log that has this message.
    pub(super) fn logged_as(&mut self, message: &str) -> Value {
        loop {
            let line = self.logged();
            if line["message"] == message {
                return line;
            }
        }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The next line of the log.
    fn logged(&mut self) -> Value {
        let line = self.log.as_ref().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a line of JSON: {line}"))
    }

    /// Ends it as a kubelet does.
    fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// How it ended; it may take as long as a kubelet waits.
    fn ended(mut self) -> ExitStatus {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(30) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it has not ended in 30 seconds");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// On two threads, because the client's end of a connection is closed by one while the other waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_logs_one_line_a_call_and_ends_well_on_sigterm() {
    let mut started = Started::new(program().args(["--insecure", "--address", "127.0.0.1:0"]));
    let serving = started.logged();
    assert_eq!((&serving["message"], &serving["insecure"]), (&json!("serving"), &json!(true)));
    let address = serving["address"].as_str().unwrap().to_owned();
    let mut client = FunctionRunnerServiceClient::connect(format!("http://{address}")).await.unwrap();
    client.run_function(request()).await.unwrap();
    drop(client);
    let mut call = started.logged();
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
    started.terminate();
    assert_eq!([started.logged()["message"].take(), started.logged()["message"].take()], ["draining", "drained"]);
    assert!(started.ended().success());
}

/// A container's runtime that does not keep up, or has died, leaves the pipe full: a line about a call then blocked the call, while probes
/// went on to say that all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_holds_up_neither_calls_nor_the_end() {
    let words = ["--insecure", "--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0"];
    let (started, serving, unread) = Started::unread(program().args(words));
    let [address, probes] = ["address", "probes"].map(|at| serving[at].as_str().unwrap().parse::<SocketAddr>().unwrap());
    let mut client = FunctionRunnerServiceClient::connect(format!("http://{address}")).await.unwrap();
    let mut request = request();
    request.meta.as_mut().unwrap().tag = "x".repeat(1000);
    // More than a pipe holds and than may wait.
    for number in 0..1300 {
        let call = client.run_function(request.clone());
        assert!(tokio::time::timeout(Duration::from_secs(10), call).await.is_ok_and(|answer| answer.is_ok()), "call {number} hangs");
    }
    let metrics = get(probes, "/metrics").await;
    let lost = metrics.lines().find_map(|line| line.strip_prefix("function_modelplane_log_lines_lost_total ")).unwrap();
    assert!(lost.parse::<f64>().unwrap() > 0.0, "what is lost is counted: {lost}");
    drop(client);
    started.terminate();
    assert!(started.ended().success());
    drop(unread);
}

#[test]
fn every_flag_has_an_environment_variable() {
    // The Docker runtime of `crossplane composition render` passes nothing but --insecure.
    let mut started = Started::new(
        program()
            .env("FUNCTION_MODELPLANE_ADDRESS", "127.0.0.1:0")
            .env("FUNCTION_MODELPLANE_INSECURE", "true")
            .env("FUNCTION_MODELPLANE_MAX_RECV_MESSAGE_SIZE", "8")
            .env("FUNCTION_MODELPLANE_MEMORY_BUDGET", "64")
            .env("FUNCTION_MODELPLANE_METRICS_ADDRESS", "127.0.0.1:0")
            .env("FUNCTION_MODELPLANE_DEBUG", "true")
            .env("TLS_SERVER_CERTS_DIR", "/nowhere"),
    );
    let serving = started.logged();
    assert_eq!((&serving["message"], &serving["insecure"]), (&json!("serving"), &json!(true)), "--insecure wins over certificates");
    assert!(serving["probes"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!((&serving["max_request"], &serving["memory_budget"]), (&json!(8 << 20), &json!(64 << 20)));
    // A log that nobody reads any more is nothing to die of.
    started.log = None;
    started.terminate();
    assert!(started.ended().success());
}

#[test]
fn an_empty_folder_or_filter_is_one_that_is_not_set() {
    // As a template leaves them where a value is not given; an empty filter would turn every log off.
    let mut started =
        Started::new(program().args(["--insecure", "--address", "127.0.0.1:0"]).env("RUST_LOG", "").env("TLS_SERVER_CERTS_DIR", ""));
    assert_eq!(started.logged()["message"], json!("serving"));
}

#[test]
fn a_misspelt_switch_is_refused() {
    // Anything that is not plainly false used to be true, and without TLS everybody is served.
    for switch in ["FUNCTION_MODELPLANE_INSECURE", "FUNCTION_MODELPLANE_DEBUG"] {
        for misspelt in ["flase", "disabled", "2"] {
            // An address that is nobody's, so that a program that takes the word does not run for ever.
            let output = program().args(["--address", "192.0.2.1:1"]).env(switch, misspelt).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains(&format!("invalid value '{misspelt}'")), "{said}");
            assert_eq!(output.status.code(), Some(2));
        }
    }
    let output = program().env("FUNCTION_MODELPLANE_INSECURE", "off").output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot serve without certificates"), "off is off");
}

/// What makes the test below panic, in a process of its own: the hook is the whole process's.
const PANICS: &str = "FUNCTION_MODELPLANE_TEST_PANICS";

#[test]
fn a_panic_is_one_line_of_the_log() {
    if std::env::var_os(PANICS).is_some() {
        // Fails for want of certificates, and has turned the logs on.
        drop(server::serve(&options(&[])).unwrap_err());
        panic!("a mistake\nof two lines");
    }
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["server::process::a_panic_is_one_line_of_the_log", "--exact", "--nocapture"]).env(PANICS, "1").env_remove("RUST_LOG");
    let said = String::from_utf8(program.output().unwrap().stderr).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {said}"))).collect();
    let [line] = lines.as_slice() else { panic!("not one line: {said}") };
    assert_eq!(
        (&line["level"], &line["message"], &line["panic"]),
        (&json!("ERROR"), &json!("panicked"), &json!("a mistake\nof two lines"))
    );
    assert!(line["location"].as_str().unwrap().starts_with("tests/server/process.rs:"), "{line}");
}

#[test]
fn it_does_not_start_without_usable_certificates() {
    let cases: [(&[&str], &str); 3] = [
        (&[], "function-modelplane: cannot serve without certificates: give --tls-certs-dir"),
        (&["--tls-certs-dir", ""], "function-modelplane: cannot serve without certificates: give --tls-certs-dir"),
        (&["--tls-certs-dir", "/nowhere"], "function-modelplane: cannot read /nowhere/tls.crt: "),
    ];
    for (words, message) in cases {
        let output = program().args(["--address", "127.0.0.1:0"]).args(words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(message), "{said}");
        assert_eq!(output.status.code(), Some(2));
    }
}
