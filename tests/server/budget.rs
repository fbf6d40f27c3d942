//! The memory that calls may take together, with small budgets and small requests: who waits, who is told, and that all comes back.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test's own functions may panic as the test may, and its numbers are small"
)]

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use function_modelplane::function::proto::{ResponseMeta, RunFunctionResponse};
use function_modelplane::function::{Report, proto};
use function_modelplane::server::{Server, Timing, memory};
use function_sdk_rust::proto::v1::function_runner_service_client::FunctionRunnerServiceClient;
use function_sdk_rust::proto::v1::{RunFunctionRequest, Severity};
use prost::Message as _;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use super::raw::{CHECK, RUN_FUNCTION, begun, call, fed, framed, halted, large, whole};
use super::{Gate, Running, options, request, timing, until};

/// Of a request this size there is room for two at a time.
const SIZE: usize = 700 << 10;

fn flags() -> function_modelplane::server::Options {
    options(&["--insecure", "--metrics-address", "127.0.0.1:0", "--memory-budget", "8", "--max-recv-message-size", "2"])
}

async fn serve(gate: &Gate, timing: Timing) -> Running {
    Running::of(Server::start(&flags(), timing, gate.function()).await.unwrap())
}

fn in_flight(bytes: usize) -> String {
    format!("function_modelplane_memory_in_flight_bytes {bytes}")
}

fn waiting(calls: usize) -> String {
    format!("function_modelplane_calls_waiting {calls}")
}

fn ends(ends: Vec<Result<usize, Status>>) -> Vec<Code> {
    ends.into_iter().map(|end| end.map_or_else(|status| status.code(), |_| Code::Ok)).collect()
}

#[tokio::test]
async fn more_calls_than_there_is_room_for_wait_and_are_all_answered() {
    let gate = Gate::new();
    let server = serve(&gate, timing()).await;
    let mut calls = JoinSet::new();
    // On several connections, because the room is for all of them together.
    for _ in 0..3 {
        let channel = server.channel().await;
        for _ in 0..2 {
            calls.spawn(call(channel.clone(), RUN_FUNCTION, whole(large(SIZE))));
        }
    }
    until("four wait", async || server.counts(&waiting(4)).await).await;
    let each = (5 * (large(SIZE).len() - 5) + (64 << 10)).next_multiple_of(1 << 10);
    assert!(server.counts(&in_flight(2 * each)).await, "each of two: five times the request, and 64 KiB");
    gate.open();
    assert_eq!(ends(calls.join_all().await), [Code::Ok; 6]);
    until("all is given back", async || server.counts(&in_flight(0)).await).await;
    assert!(server.counts(&waiting(0)).await);
    assert!(server.counts("function_modelplane_memory_budget_bytes 8388608").await);
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_waits_for_too_long_is_told_what_to_do() {
    let gate = Gate::new();
    let server = serve(&gate, Timing { waiting: Duration::from_millis(300), ..timing() }).await;
    let channel = server.channel().await;
    let held: JoinSet<_> = (0..2).map(|_| call(channel.clone(), RUN_FUNCTION, whole(large(SIZE)))).collect();
    gate.entered(1).await;
    let refused = call(channel.clone(), RUN_FUNCTION, whole(large(2 * SIZE))).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (
            Code::ResourceExhausted,
            "a request of 2 MB takes up to 7 MB of the 8 MB that other calls have taken for more than 300ms; raise the memory limit of the \
             function's pods, or their number"
        )
    );
    assert!(server.counts(&waiting(0)).await);
    gate.open();
    assert_eq!(ends(held.join_all().await), [Code::Ok; 2], "those that have room are not disturbed");
    assert!(call(channel, RUN_FUNCTION, whole(large(2 * SIZE))).await.is_ok(), "and then there is room again");
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_which_there_is_never_room_is_refused_at_once() {
    let server = Running::start(&flags()).await;
    let refused = call(server.channel().await, RUN_FUNCTION, whole(large(1_900_000))).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (
            Code::ResourceExhausted,
            "a request of 2 MB takes up to 10 MB of the 8 MB that there are for all calls together; raise the memory limit of the function's \
             pods, or their number"
        )
    );
    server.stop().await;
}

/// Whoever has room must be able to send the rest of its request, however many others fill what flow control gives them: else all wait for
/// ever for the one that cannot go on.
#[tokio::test]
async fn calls_that_wait_do_not_keep_the_one_with_room_from_arriving() {
    let server = Running::start(&flags()).await;
    let channel = server.channel().await;
    let request = large(1_500_000);
    let (feed, frames) = unbounded_channel();
    feed.send(request.slice(..100_000)).unwrap();
    let slow = tokio::spawn(call(channel.clone(), RUN_FUNCTION, fed(frames)));
    until("one has room", async || !server.counts(&in_flight(0)).await).await;
    let calls: JoinSet<_> = (0..31).map(|_| call(channel.clone(), RUN_FUNCTION, whole(request.clone()))).collect();
    until("all others wait", async || server.counts(&waiting(31)).await).await;
    // Long enough for them to send what they may.
    sleep(Duration::from_millis(200)).await;
    feed.send(request.slice(100_000..)).unwrap();
    drop(feed);
    assert!(slow.await.unwrap().is_ok());
    assert_eq!(ends(calls.join_all().await), [Code::Ok; 31]);
    server.stop().await;
}

#[tokio::test]
async fn requests_that_stop_halfway_give_their_room_back() {
    let server = Running::of(
        Server::start(&flags(), Timing { arrival: Duration::from_millis(500), ..timing() }, function_modelplane::function::run)
            .await
            .unwrap(),
    );
    let channel = server.channel().await;
    let stopped: JoinSet<_> = (0..4).map(|_| call(channel.clone(), RUN_FUNCTION, halted(large(SIZE).slice(..SIZE / 2)))).collect();
    until("two wait behind two", async || server.counts(&waiting(2)).await).await;
    assert!(call(channel.clone(), RUN_FUNCTION, whole(large(SIZE))).await.is_ok(), "it came last, and waited for four that never end");
    for end in stopped.join_all().await {
        let late = end.unwrap_err();
        let told = "the request did not arrive in 500ms: look at the network between";
        assert_eq!((late.code(), late.message()), (Code::DeadlineExceeded, told));
    }
    // Neither may one that does not even say how long it is.
    let late = call(channel.clone(), RUN_FUNCTION, halted(Bytes::from_static(&[0, 0]))).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    let late = call(channel, CHECK, halted(Bytes::from_static(&[0, 0]))).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "and not only for the function");
    server.stop().await;
}

/// Answers whatever it is asked with a million bytes.
pub(super) fn verbose(_: &proto::RunFunctionRequest) -> (RunFunctionResponse, Report) {
    let meta = ResponseMeta { tag: "x".repeat(1_000_000), ttl: None };
    (RunFunctionResponse { meta: Some(meta), ..RunFunctionResponse::default() }, Report::default())
}

#[tokio::test]
async fn an_answer_counts_until_it_is_taken_and_whoever_never_takes_it_is_cut_off() {
    let timing = Timing { delivery: Duration::from_millis(700), ..timing() };
    let server = Running::of(Server::start(&flags(), timing, verbose).await.unwrap());
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    // Of a small window the rest of the answer does not leave the server.
    let channel = endpoint.initial_stream_window_size(65_535).connect().await.unwrap();
    let unread = begun(channel.clone(), RUN_FUNCTION, whole(large(SIZE))).await.unwrap();
    let answer = framed(&verbose(&proto::RunFunctionRequest::default()).0).len();
    let held = in_flight((answer + (64 << 10)).next_multiple_of(1 << 10));
    until("only the answer is held", async || server.counts(&held).await).await;
    until("the server has it back", async || server.counts(&in_flight(0)).await).await;
    drop(unread);
    assert!(call(server.channel().await, RUN_FUNCTION, whole(large(SIZE))).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_caller_that_gives_up_gives_its_room_back() {
    let gate = Gate::new();
    let server = serve(&gate, timing()).await;
    let channel = server.channel().await;
    let mut calls: JoinSet<_> = (0..4).map(|_| call(channel.clone(), RUN_FUNCTION, whole(large(SIZE)))).collect();
    until("two wait", async || server.counts(&waiting(2)).await).await;
    gate.entered(1).await;
    calls.shutdown().await;
    until("nobody waits", async || server.counts(&waiting(0)).await).await;
    assert!(!server.counts(&in_flight(0)).await, "the function still reads what it was asked");
    gate.open();
    until("all is given back", async || server.counts(&in_flight(0)).await).await;
    server.stop().await;
}

#[tokio::test]
async fn a_second_request_in_a_call_is_refused_because_nobody_has_counted_it() {
    let server = Running::start(&flags()).await;
    let two = [framed(&request()), framed(&request())].concat();
    let refused = call(server.channel().await, RUN_FUNCTION, whole(two.into())).await.unwrap_err();
    let told = "a call has one request: send the other in another call";
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, told));
    server.stop().await;
}

#[tokio::test]
async fn requests_near_the_limit_are_counted() {
    let server = Running::start(&flags()).await;
    let channel = server.channel().await;
    let limit = 2 << 20;
    let (below, above) = (large(limit * 3 / 4 - 100), large(limit * 3 / 4 + 1));
    assert!(call(channel.clone(), RUN_FUNCTION, whole(below)).await.is_ok());
    assert!(server.counts("function_modelplane_requests_near_limit_total 0").await);
    assert!(call(channel, RUN_FUNCTION, whole(above.clone())).await.is_ok());
    for line in [
        "function_modelplane_requests_near_limit_total 1",
        &format!("function_modelplane_request_limit_bytes {limit}"),
        &format!("function_modelplane_request_largest_bytes {}", above.len() - 5),
    ] {
        assert!(server.counts(line).await, "{line}");
    }
    server.stop().await;
}

/// Somebody must know before there is no answer any more, and the composite resource is where they look.
#[tokio::test]
async fn who_asks_with_a_request_near_the_limit_is_warned() {
    let server = Running::start(&flags()).await;
    let mut client = FunctionRunnerServiceClient::new(server.channel().await);
    let engine = serde_json::json!({"name": "vLLM", "image": "vllm/vllm-openai:v0.32.0"});
    let mut asked: RunFunctionRequest = serde_json::from_value(serde_json::json!({
        "meta": {"tag": ""},
        "observed": {"composite": {"resource": {
            "apiVersion": "modelplane.ai/v1alpha1", "kind": "ClusterModel", "metadata": {"name": "m"},
            "spec": {"model": {"name": "m"}, "source": "HuggingFace", "huggingFace": {"repo": "org/m"}, "resources": {"vram": "1Gi"},
                     "serving": [{"name": "plain", "engine": engine, "resources": {"gpu": 1}}]},
        }}},
    }))
    .unwrap();
    let mut warned = Vec::new();
    for bytes in [0, 1_600_000] {
        asked.meta.as_mut().unwrap().tag = "x".repeat(bytes);
        let size = asked.encoded_len();
        let answer = client.run_function(asked.clone()).await.unwrap().into_inner();
        let near = answer.results.into_iter().filter(|result| result.reason.as_deref() == Some("RequestNearLimit"));
        warned.push((size, near.map(|result| (result.severity(), result.message)).collect::<Vec<_>>()));
    }
    let (_, small) = warned.remove(0);
    let (size, large) = warned.remove(0);
    let told = format!(
        "a request has {size} bytes, over 75% of the 2097152 that are taken, and over that no call is answered; raise \
         --max-recv-message-size and the memory limit of the function's pods, or let fewer objects be required"
    );
    assert_eq!((small, large), (vec![], vec![(Severity::Warning, told)]));
    server.stop().await;
}

/// Why a case exists, what `/proc/self/cgroup` says, the other files with their text, and the limit.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u64);

#[test]
fn the_memory_limit_is_the_least_that_the_cgroup_or_one_above_it_has() {
    let gib = 1 << 30;
    let v1 = "9:cpu,cpuacct:/pod\n4:memory:/kubepods/pod1/c1\n";
    let cases: [Case<'_>; 9] = [
        ("a container with cgroup v2 sees its own group as the root", "0::/\n", &[("sys/fs/cgroup/memory.max", "536870912\n")], 512 << 20),
        ("no limit in v2 is a word", "0::/\n", &[("sys/fs/cgroup/memory.max", "max\n")], gib),
        (
            "a service's slice may have less than the service",
            "0::/system.slice/f.service\n",
            &[("sys/fs/cgroup/system.slice/memory.max", "1000\n"), ("sys/fs/cgroup/system.slice/f.service/memory.max", "2000\n")],
            1000,
        ),
        (
            "a container with cgroup v1 is told the host's path, and its own group is mounted",
            v1,
            &[("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n")],
            256 << 20,
        ),
        ("a host with cgroup v1 has the path", v1, &[("sys/fs/cgroup/memory/kubepods/pod1/c1/memory.limit_in_bytes", "4096\n")], 4096),
        ("no limit in v1 is a huge number", v1, &[("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")], gib),
        ("another controller's group says nothing", "9:cpu,cpuacct:/\n", &[("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n")], gib),
        ("without cgroups there is what we ship", "", &[], gib),
        ("what cannot be read is no limit", "nonsense\n0::/\n", &[("sys/fs/cgroup/memory.max", "many\n")], gib),
    ];
    for (why, groups, files, limit) in cases {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files.iter().copied().chain([("proc/self/cgroup", groups)]) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(memory::limit(root.path()), limit, "{why}");
    }
}
