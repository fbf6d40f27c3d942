//! How long a call takes, beside the least that any function does with a request, and beside one that decodes all of it; and what whole
//! reconciles send: `cargo bench`.
//!
//! Both sides start from the request's bytes and end with bytes. After the measurements one table compares them, each pair of
//! timings taken turn by turn, because a machine's speed changes from minute to minute.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::struct_field_names,
    reason = "a benchmark: it fails by panicking, prints its table, and borrows from the tests more than it needs"
)]

mod eager;
mod fleet;

#[path = "../tests/function/cluster.rs"]
mod cluster;
#[path = "../tests/function/fleet.rs"]
mod objects;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::Cluster;
use criterion::{Criterion, Throughput};
use function_modelplane::function::proto::RunFunctionRequest;
use function_modelplane::function::run;
use prost::Message as _;

const ENVIRONMENTS: [usize; 3] = [2, 50, 1000];
const OTHERS: [usize; 3] = [0, 100, 5000];

/// One measured request.
struct Case {
    name: String,
    request: Bytes,
}

impl Case {
    fn new(name: &str, (environments, others): (usize, usize), make: impl Fn(usize, usize) -> Cluster) -> Self {
        let name = format!("{name}/{environments} environments/{others} deployments");
        Self { name, request: make(environments, others).dry_run().request.encode_to_vec().into() }
    }

    fn deciding(environments: usize, others: usize) -> Self {
        Self::new("deciding", (environments, others), fleet::fleet)
    }
}

fn call(request: &Bytes) -> Vec<u8> {
    // Reading from Bytes shares them instead of copying, as the server does.
    run(&RunFunctionRequest::decode(request.clone()).unwrap()).0.encode_to_vec()
}

/// The least that any function does: what the request holds is neither looked at nor copied.
fn undecoded(request: &Bytes) -> Vec<u8> {
    RunFunctionRequest::decode(request.clone()).unwrap().encode_to_vec()
}

/// What a whole reconcile sends, and what wakes the deployment then: on Crossplane v2.4 each write of what it requires does.
fn reconciles() {
    type Make = fn(usize, usize) -> Cluster;
    let states: [(&str, Make); 4] =
        [("at rest", fleet::steady), ("loading", fleet::loading), ("deciding", fleet::fleet), ("waiting", fleet::waiting)];
    println!("\n{:<64} {:>10} {:>10} {:>10} {:>10}", "reconcile, 50 environments", "2.3: calls", "kB", "2.4: calls", "kB");
    for (state, make) in states {
        for others in [20, 1000, 5000] {
            let mut cluster = make(50, others);
            let old = cluster.dry_run();
            cluster.seeds = true;
            if state != "deciding" {
                cluster.reconcile();
            }
            let new = cluster.dry_run();
            let watched: Vec<&str> = new.request.required_resources.keys().map(String::as_str).collect();
            let (name, watched) = (format!("{state}/{others} deployments"), watched.join(", "));
            let (old_bytes, new_bytes) = (old.bytes / 1000, new.bytes / 1000);
            println!("{name:<64} {:>10} {old_bytes:>10} {:>10} {new_bytes:>10}  watches {watched}", old.calls, new.calls);
        }
    }
}

fn main() {
    let mut cases: Vec<Case> = Vec::new();
    for others in OTHERS {
        cases.extend(ENVIRONMENTS.map(|environments| Case::deciding(environments, others)));
    }
    for size in [(2, 0), (50, 100), (1000, 5000)] {
        cases.push(Case::new("steady", size, fleet::steady));
        cases.push(Case::new("deciding on statuses of v0.1.0", size, fleet::unlabelled));
        cases.push(Case::new("environment", size, |environments, others| fleet::environment_of(fleet::fleet(environments, others))));
    }
    let mut criterion = Criterion::default().configure_from_args();
    for case in &cases {
        let mut group = criterion.benchmark_group(&case.name);
        group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.throughput(Throughput::Bytes(u64::try_from(case.request.len()).unwrap()));
        group.bench_function("run", |bencher| bencher.iter(|| call(black_box(&case.request))));
        group.bench_function("decode and encode", |bencher| bencher.iter(|| eager::echo(black_box(&case.request)).unwrap()));
        group.finish();
    }
    println!("{:<64} {:>10} {:>9} {:>9} {:>7} {:>9} {:>7}", "request", "kB", "run, ms", "echo, ms", "ratio", "decoded", "ratio");
    for Case { name, request } in &cases {
        let run = || drop(black_box(call(request)));
        let (ours, echo) = side_by_side(run, || drop(black_box(undecoded(request))));
        let (again, decoded) = side_by_side(run, || drop(black_box(eager::echo(request).unwrap())));
        let [ours, echo, again, decoded] = [ours, echo, again, decoded].map(|time| time.as_secs_f64() * 1e3);
        let (kilobytes, ratio, other) = (request.len() / 1000, ours / echo, again / decoded);
        println!("{name:<64} {kilobytes:>10} {ours:>9.3} {echo:>9.3} {ratio:>7.2} {decoded:>9.3} {other:>7.2}");
    }
    reconciles();
    println!("\n{:<64} {:>10} {:>12} {:>20}", "request", "kB", "run, ms", "times the one before");
    grow([100, 1000, 10_000].map(|environments| Case::deciding(environments, 100)));
    grow([500, 5000, 50_000].map(|others| Case::deciding(100, others)));
    criterion.final_summary();
}

/// How much longer each request takes than the one before, which is a tenth of it: about ten times where the time follows
/// the fleet's size.
fn grow(cases: [Case; 3]) {
    let mut before: Option<f64> = None;
    for Case { name, request } in cases {
        let (time, _) = side_by_side(|| drop(black_box(call(&request))), || {});
        let milliseconds = time.as_secs_f64() * 1e3;
        let factor = before.map_or_else(|| "-".to_owned(), |before| format!("{:.1}", milliseconds / before));
        println!("{name:<64} {:>10} {milliseconds:>12.3} {factor:>20}", request.len() / 1000);
        before = Some(milliseconds);
    }
}

/// The medians of two functions that are called in turn.
fn side_by_side(mut one: impl FnMut(), mut other: impl FnMut()) -> (Duration, Duration) {
    let timed = |function: &mut dyn FnMut()| {
        let start = Instant::now();
        function();
        start.elapsed()
    };
    let (mut ones, mut others): (Vec<Duration>, Vec<Duration>) = (0..15).map(|_| (timed(&mut one), timed(&mut other))).unzip();
    ones.sort();
    others.sort();
    (ones[ones.len() / 2], others[others.len() / 2])
}
