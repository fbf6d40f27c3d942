//! The whole program in a memory cgroup with the limit that we ship. Making one takes root: elsewhere it says that it was skipped. What was
//! measured is seen with `--nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test's own functions may panic as the test may, and what they measure is to be seen"
)]

#[path = "../../benches/fleet.rs"]
#[allow(dead_code, reason = "one of its fleets is for the benchmark only")]
mod fleet;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::Code;
use tonic::transport::Endpoint;

use super::process::Started;
use super::raw::{RUN_FUNCTION, call, framed, large, whole};
use crate::function::{cluster, fleet as objects};

/// What package/install gives a pod.
const SHIPPED: usize = 1 << 30;
const MB: usize = 1_000_000;

/// How much memory the program may have a few seconds after its last call: what it starts with, and what an allocator keeps.
const GIVEN_BACK: usize = 200 * MB;

/// A memory cgroup, of whichever version this machine has.
struct Cgroup {
    folder: PathBuf,
    /// The files' names: the most used at once, kills, and in `memory.stat` what belongs to no file.
    names: [&'static str; 3],
}

impl Cgroup {
    fn new(name: &str, limit: usize) -> io::Result<Self> {
        let first = Path::new("/sys/fs/cgroup/memory");
        let (root, file, names) = if first.exists() {
            (first, "memory.limit_in_bytes", ["memory.max_usage_in_bytes", "memory.oom_control", "rss "])
        } else {
            (Path::new("/sys/fs/cgroup"), "memory.max", ["memory.peak", "memory.events", "anon "])
        };
        let folder = root.join(format!("function-modelplane-{name}-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let cgroup = Self { folder, names };
        fs::write(cgroup.folder.join(file), limit.to_string())?;
        Ok(cgroup)
    }

    /// The number after `name` in a file.
    fn number(&self, file: &str, name: &str) -> usize {
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
    }

    fn peak(&self) -> usize {
        self.number(self.names[0], "")
    }

    /// How often the kernel killed for want of memory.
    fn kills(&self) -> usize {
        self.number(self.names[1], "oom_kill ")
    }

    fn used(&self) -> usize {
        self.number("memory.stat", self.names[2])
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

/// What the environment of the image has for the allocator.
fn environment() -> (&'static str, &'static str) {
    let (_, rest) = include_str!("../../package/build").split_once("\nENVIRONMENT = [\"").unwrap();
    rest.split_once("\"]").unwrap().0.split_once('=').unwrap()
}

/// The program in a cgroup, and where it serves.
fn start(cgroup: &Cgroup) -> (Started, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""]).arg(&cgroup.folder).envs([environment()]);
    shell.args([env!("CARGO_BIN_EXE_function-modelplane"), "--insecure", "--address", "127.0.0.1:0"]);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut started = Started::new(&mut shell);
    let serving = started.logged_as("serving");
    assert_eq!(serving["memory_budget"], SHIPPED / 4 * 3, "three quarters of the cgroup's limit");
    let address = serving["address"].as_str().unwrap().to_owned();
    (started, address)
}

/// A fleet of so many bytes, which the function reads and decides on.
fn fleet_of(bytes: usize) -> Bytes {
    let some = framed(&fleet::fleet(50, 100).dry_run().request).len();
    let one = (framed(&fleet::fleet(50, 200).dry_run().request).len() - some) / 100;
    framed(&fleet::fleet(50, (bytes - some) / one + 100).dry_run().request)
}

/// Sends `calls` at once on each of so many connections: how many were answered, and how many were told that there is no room.
async fn flood(address: &str, connections: usize, calls: usize, request: &Bytes) -> [usize; 2] {
    let mut all = JoinSet::new();
    for _ in 0..connections {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        for _ in 0..calls {
            all.spawn(call(channel.clone(), RUN_FUNCTION, whole(request.clone())));
        }
    }
    let ends = all.join_all().await;
    let others: Vec<_> =
        ends.iter().filter_map(|end| end.as_ref().err().filter(|status| status.code() != Code::ResourceExhausted)).collect();
    assert!(others.is_empty(), "{} ended otherwise, as with {:?}", others.len(), others[0]);
    let answered = ends.iter().filter(|end| end.is_ok()).count();
    [answered, ends.len() - answered]
}

async fn survives(name: &str, connections: usize, calls: usize, request: Bytes) {
    let cgroup = match Cgroup::new(name, SHIPPED) {
        Ok(cgroup) => cgroup,
        Err(error) => {
            return eprintln!("skipped: {name}: cannot make a memory cgroup, which takes root and a hierarchy to write to: {error}");
        }
    };
    let (mut started, address) = start(&cgroup);
    let idle = cgroup.used();
    let begin = Instant::now();
    let [answered, refused] = flood(&address, connections, calls, &request).await;
    let took = begin.elapsed().as_secs_f64();
    let peak = cgroup.peak();
    let begin = Instant::now();
    while cgroup.used() > GIVEN_BACK && begin.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(200)).await;
    }
    let (after, kills) = (cgroup.used(), cgroup.kills());
    eprintln!(
        "{name}: {} x {} MB: {answered} answered, {refused} told RESOURCE_EXHAUSTED in {took:.1} s; memory {} MB before, {} MB at the most, \
         {} MB {:.1} s after",
        connections * calls,
        request.len() / MB,
        idle / MB,
        peak / MB,
        after / MB,
        begin.elapsed().as_secs_f64(),
    );
    assert_eq!((kills, started.is_alive(), answered + refused), (0, true, connections * calls));
    assert!(answered > 0 && after <= GIVEN_BACK, "memory comes back: {after} bytes");
    started.kill();
}

/// Two streams a core and no budget: 3.2 GB that came in together were read together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_of_32_mb_on_one_connection() {
    survives("text-100x32", 1, 100, large(32 * MB)).await;
}

/// The bound on streams is a connection's own, and these are as large as may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_calls_of_63_mb_on_each_of_four_connections() {
    survives("text-4x16x63", 4, 16, large(63 * MB)).await;
}

#[ignore = "takes minutes without --release"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_fleets_that_are_decided_on() {
    survives("fleet-100x32", 1, 100, fleet_of(32 * MB)).await;
    survives("fleet-4x16x63", 4, 16, fleet_of(63 * MB)).await;
}
