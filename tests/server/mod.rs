//! The server as its peers meet it: Crossplane over gRPC, a kubelet and Prometheus over HTTP, the shell that starts it.

mod certificates;
mod mutual_tls;
mod plain;
mod probes;
mod process;

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser as _;
use function_modelplane::function::run;
use function_modelplane::server::{Options, Server, ServerError, Timing};
use function_sdk_rust::proto::v1::{RunFunctionRequest, RunFunctionResponse};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

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
        Self::of(Server::start(options, timing(), |request| run(&request)).await.unwrap())
    }

    fn of(server: Server) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (address, probes) = (server.address(), server.probes_address());
        let ended = tokio::spawn(server.run_until(async { drop(stopped.await) }));
        Self { address, probes, stop, ended }
    }

    /// Ends it as SIGTERM does.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
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
