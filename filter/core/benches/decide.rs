//! What a decision costs as rules are added, what compiling them costs, and what they weigh.
//!
//! Nothing here asserts. The table at the end is made with a clock and an allocator of its own, so that it is there
//! under `cargo bench` and, within seconds, under `cargo bench -- --table`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken assumption ends the benchmark"
)]

use criterion::{BenchmarkId, Criterion};
use sallyport_core::{Engine, PeerView, RequestView};
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts the bytes that are held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: both calls go to the system's allocator as they came; beside that a number is kept.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// A way in which policies grow.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    rule: fn(usize) -> Value,
    /// A path and a caller that the rule of this number allows.
    hit: fn(usize) -> (String, String),
}

const SHAPES: [Shape; 3] = [
    Shape { name: "exact paths", rule: exact_path, hit: |at| (format!("/service/{at}/items"), caller(0)) },
    Shape {
        name: "templates and prefixes",
        rule: template_or_prefix,
        hit: |at| {
            let path = match at % 4 {
                0 => format!("/tenant/{at}/x/items"),
                1 => format!("/files{at}/a/b"),
                2 => format!("/tree/{at}/a/b/leaf"),
                _ => format!("/any/export{at}.json"),
            };
            (path, caller(0))
        },
    },
    Shape { name: "many callers", rule: many_callers, hit: |at| (format!("/api/v{}", at % 10), caller(at)) },
];

fn caller(at: usize) -> String {
    format!("spiffe://cluster.local/ns/team-{}/sa/app-{at}", at % 50)
}

fn exact_path(at: usize) -> Value {
    json!({
        "id": format!("r{at}"), "action": "ALLOW",
        "from": [{"source": {"namespaces": ["team-0"]}}],
        "to": [{"operation": {"methods": ["GET"], "paths": [format!("/service/{at}/items")]}}],
    })
}

fn template_or_prefix(at: usize) -> Value {
    let path = match at % 4 {
        0 => format!("/tenant/{at}/{{*}}/items"),
        1 => format!("/files{at}/*"),
        2 => format!("/tree/{at}/{{**}}/leaf"),
        _ => format!("*/export{at}.json"),
    };
    json!({
        "id": format!("r{at}"), "action": "ALLOW",
        "from": [{"source": {"namespaces": ["team-0"]}}],
        "to": [{"operation": {"methods": ["GET"], "paths": [path]}}],
    })
}

fn many_callers(at: usize) -> Value {
    json!({
        "id": format!("r{at}"), "action": "ALLOW",
        "from": [{"source": {"serviceAccounts": [format!("team-{}/app-{at}", at % 50)]}}],
        "to": [{"operation": {"methods": ["GET"], "paths": [format!("/api/v{}", at % 10)]}}],
    })
}

fn policy(shape: Shape, rules: usize) -> Vec<u8> {
    let rules: Vec<Value> = (0..rules).map(shape.rule).collect();
    let policy = json!({"version": 1, "upstream": "httpbin/httpbin", "rules": rules});
    serde_json::to_vec(&policy).expect("a policy is JSON")
}

fn engine(shape: Shape, rules: usize) -> Engine {
    Engine::from_json(&policy(shape, rules)).expect("the policy compiles")
}

/// One request, owned.
struct Asked {
    method: &'static str,
    path: String,
    caller: Option<String>,
}

/// Half hits, half misses of several kinds: another path, method, caller, and none.
fn mixed(shape: Shape, rules: usize) -> Vec<Asked> {
    let mut asked = Vec::new();
    for step in 0..4 {
        let (path, caller) = (shape.hit)(step * rules.saturating_sub(1) / 3);
        asked.push(Asked { method: "GET", path, caller: Some(caller) });
    }
    let (path, caller) = (shape.hit)(rules / 2);
    let stranger = Some("spiffe://cluster.local/ns/elsewhere/sa/nobody".to_owned());
    asked.push(Asked { method: "GET", path: "/no/such/path".to_owned(), caller: Some(caller.clone()) });
    asked.push(Asked { method: "DELETE", path: path.clone(), caller: Some(caller) });
    asked.push(Asked { method: "GET", path: path.clone(), caller: stranger });
    asked.push(Asked { method: "GET", path, caller: None });
    asked
}

/// Runs all requests `rounds` times.
fn decide(engine: &Engine, asked: &[Asked], rounds: u64) -> Duration {
    // As the gateway writes it, but for the certificate itself.
    let element = |caller: &String| format!("By=spiffe://x;Hash={};Subject=\"\";URI={caller}", "0".repeat(64));
    let forwarded: Vec<String> =
        asked.iter().map(|asked| asked.caller.as_ref().map_or_else(String::new, element)).collect();
    let headers: Vec<[(&[u8], &[u8]); 8]> = asked
        .iter()
        .zip(&forwarded)
        .map(|(asked, forwarded)| {
            [
                (&b":method"[..], asked.method.as_bytes()),
                (b":scheme", b"https"),
                (b":authority", b"httpbin.org"),
                (b":path", asked.path.as_bytes()),
                (b"user-agent", b"curl/8.5.0"),
                (b"accept", b"*/*"),
                (b"x-request-id", b"6f1b1c1e-6f6b-4c5a-9a53-0f6a3a1d1a11"),
                (b"x-forwarded-client-cert", forwarded.as_bytes()),
            ]
        })
        .collect();
    let views: Vec<RequestView<'_>> = headers
        .iter()
        .zip(asked)
        .map(|(headers, asked)| RequestView {
            headers,
            peer: PeerView {
                mtls: asked.caller.is_some(),
                uri_san: asked.caller.as_deref().map(str::as_bytes),
                digest: None,
            },
            source_address: Some(b"10.1.2.3:41000"),
            destination_address: Some(b"10.9.0.1:8443"),
            sni: Some(b"httpbin.org"),
            tls_version: None,
            metadata: None,
        })
        .collect();
    let start = Instant::now();
    for _ in 0..rounds {
        for view in &views {
            black_box(engine.on_request(black_box(view)));
        }
    }
    start.elapsed()
}

fn benches(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(format!("8 decisions, {}", shape.name));
        for rules in SIZES {
            let (engine, asked) = (engine(shape, rules), mixed(shape, rules));
            group.bench_function(BenchmarkId::from_parameter(rules), |bencher| {
                bencher.iter_custom(|rounds| decide(&engine, &asked, rounds));
            });
        }
        group.finish();
        let json = policy(shape, 10_000);
        criterion.bench_function(&format!("compile 10000 rules, {}", shape.name), |bencher| {
            bencher.iter_with_large_drop(|| Engine::from_json(black_box(&json)));
        });
    }
}

/// Nanoseconds per request for each size: the least of many short runs, what is above it being the machine's noise.
/// The sizes take turns, so that a slow moment of the machine falls on all of them.
fn nanoseconds(shape: Shape) -> Vec<f64> {
    let prepared: Vec<_> = SIZES.iter().map(|rules| (engine(shape, *rules), mixed(shape, *rules))).collect();
    let mut least = vec![f64::INFINITY; SIZES.len()];
    for _ in 0..60 {
        for ((engine, asked), least) in prepared.iter().zip(&mut least) {
            let requests = ROUNDS * u64::try_from(asked.len()).unwrap_or(u64::MAX);
            let taken = decide(engine, asked, ROUNDS).as_nanos();
            let each = f64::from(u32::try_from(taken).unwrap_or(u32::MAX)) / requests as f64;
            *least = least.min(each);
        }
    }
    least
}

const ROUNDS: u64 = 500;

/// Bytes that one of 10,000 rules holds once compiled.
fn bytes_per_rule(json: &[u8]) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    let engine = Engine::from_json(json);
    let held = HELD.load(Ordering::Relaxed).saturating_sub(before);
    drop(engine);
    held / 10_000
}

fn compile_milliseconds(json: &[u8]) -> f64 {
    let runs = (0..7).map(|_| {
        let start = Instant::now();
        let engine = black_box(Engine::from_json(json));
        let taken = start.elapsed();
        drop(engine);
        taken.as_secs_f64() * 1e3
    });
    runs.fold(f64::INFINITY, f64::min)
}

fn table() {
    println!("\nns per decision (least of 60 runs over 4 hits and 4 misses)\n");
    print!("{:<24}", "rules");
    SIZES.iter().for_each(|rules| print!("{rules:>9}"));
    println!("{:>13}{:>13}{:>13}", "10000 : 10", "bytes/rule", "compile ms");
    for shape in SHAPES {
        let each = nanoseconds(shape);
        let json = policy(shape, 10_000);
        print!("{:<24}", shape.name);
        each.iter().for_each(|each| print!("{each:>9.0}"));
        println!("{:>13.2}{:>13}{:>13.1}", each[4] / each[1], bytes_per_rule(&json), compile_milliseconds(&json));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // Under `cargo test --benches` there is nothing to measure.
    let measured = arguments.iter().any(|argument| argument == "--bench");
    if !arguments.iter().any(|argument| argument == "--table") {
        let mut criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(800))
            .configure_from_args();
        benches(&mut criterion);
        criterion.final_summary();
    }
    if measured {
        table();
    }
}
