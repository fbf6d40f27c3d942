//! The server as its peers meet it: Crossplane over gRPC, a kubelet and Prometheus over HTTP, the shell that starts it.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test's own functions may panic as the test may")]

mod budget;
mod certificates;
mod draining;
mod load;
mod memory_limit;
mod mutual_tls;
mod plain;
mod probes;
mod process;
mod raw;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use function_modelplane::function::{Report, proto, run};
use function_modelplane::server::{Options, Server, ServerError, Timing};
use function_sdk_rust::proto::v1::{RunFunctionRequest, RunFunctionResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

/// The options that a command line means, on a free port of this machine only.
fn options(words: &[&str]) -> Options {
    let fixed = ["serve", "--address", "127.0.0.1:0"];
    Command::parse_from(fixed.into_iter().chain(words.iter().copied())).options
}

/// Short enough for tests, long enough for a busy machine.
fn timing() -> Timing {
    Timing { reload: Duration::from_millis(50), drain: Duration::from_secs(10), ..Timing::default() }
}

/// A server that runs beside the test.
struct Running {
    address: SocketAddr,
    probes: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServerError>>,
}

impl Running {
    async fn start(options: &Options) -> Self {
        Self::of(Server::start(options, timing(), run).await.unwrap())
    }

    fn of(server: Server) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (address, probes) = (server.address(), server.probes_address());
        let ended = tokio::spawn(server.run_until(async { drop(stopped.await) }));
        Self { address, probes, stop, ended }
    }

    /// A connection without TLS.
    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// Whether `/metrics` has this line.
    async fn counts(&self, line: &str) -> bool {
        get(self.probes.unwrap(), "/metrics").await.lines().any(|found| found == line)
    }

    /// Ends it as SIGTERM does.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

/// A function that answers only once it may.
struct Gate {
    entered: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { entered: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    fn function(&self) -> impl Fn(&proto::RunFunctionRequest) -> (proto::RunFunctionResponse, Report) + Send + Sync + 'static {
        let (entered, open) = (Arc::clone(&self.entered), Arc::clone(&self.open));
        move |request| {
            entered.add_permits(1);
            while open.try_acquire().is_err() {
                std::thread::sleep(Duration::from_millis(5));
            }
            run(request)
        }
    }

    /// Waits until so many calls are in the function.
    async fn entered(&self, calls: u32) {
        self.entered.acquire_many(calls).await.unwrap().forget();
    }

    fn open(&self) {
        self.open.add_permits(1);
    }
}

/// A test that fails must not wait for what it holds back.
impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// The answer to a GET: status line, headers, text.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nHost: function\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What `/metrics` says where there is a certificate, after a call in which an environment was turned down: all that there can be.
pub(crate) async fn all_metrics() -> String {
    let folder = tempfile::tempdir().unwrap();
    let authority = certificates::Authority::new();
    authority.mount(folder.path(), "..1", &authority.server());
    let report = Report { rejected: [("Cordoned", 1)].into(), ..Report::default() };
    let words = ["--tls-certs-dir", folder.path().to_str().unwrap(), "--metrics-address", "127.0.0.1:0"];
    let answer = move |_: &_| (proto::RunFunctionResponse::default(), report.clone());
    let server = Running::of(Server::start(&options(&words), timing(), answer).await.unwrap());
    mutual_tls::answers(&server, authority.trusted(Some(&authority.client()))).await;
    let answer = get(server.probes.unwrap(), "/metrics").await;
    server.stop().await;
    answer
}

/// Waits for something to become true.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "in 10 seconds it did not come to this: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// What is sent: a kind that the function refuses, which needs no fleet to answer.
fn request() -> RunFunctionRequest {
    serde_json::from_value(serde_json::json!({
        "meta": {"tag": "a-tag"},
        "observed": {"composite": {"resource": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "team"}}}},
    }))
    .unwrap()
}

/// What is answered to it.
fn is_refused(response: &RunFunctionResponse) -> bool {
    response.meta.as_ref().is_some_and(|meta| meta.tag == "a-tag")
        && response.results.iter().any(|result| result.message.starts_with("cannot compose a Pod of v1"))
}
