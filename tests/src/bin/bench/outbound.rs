//! What it costs to choose what leaves the mesh: host calls, and microseconds beside a gate that changes nothing.

use std::time::Instant;

use anyhow::{Result, ensure};
use sallyport_tests::calls;
use sallyport_tests::client::Request;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress_with};

const COUNTED: usize = 100;
/// Requests of a turn, and turns: the gates take turns, so that what else the machine does meets them all.
const TURN: usize = 500;
const TURNS: usize = 8;
const RULES: &str = "rules:\n- {id: readers, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}\n";
/// The request's only trace header stays, and nothing is told of it.
const NOTHING: &str = "tracing: {mode: strip}\nheaders: {hygiene: off, keep: [traceparent]}";
const KINDS: [(&str, &str); 8] = [
    ("nothing", NOTHING),
    ("hygiene strict", "tracing: {mode: strip}\nheaders: {keep: [traceparent]}"),
    ("hygiene compatible", "tracing: {mode: strip}\nheaders: {hygiene: compatible, keep: [traceparent]}"),
    ("tracing envoy, decision and rule told", "tracing: {mode: envoy}\nheaders: {hygiene: off}"),
    ("tracing standalone, w3c", "headers: {hygiene: off}"),
    ("tracing standalone, w3c, b3, b3multi", "tracing: {formats: [w3c, b3, b3multi]}\nheaders: {hygiene: off}"),
    ("tracing strip", "tracing: {mode: strip}\nheaders: {hygiene: off}"),
    (
        "all of it, and two headers set",
        "headers: {set: [{name: x-caller, value: \"%{caller.serviceAccount}\"}, {name: x-by, value: \"%{rule}\"}]}",
    ),
];

/// What a request of the mesh has.
fn request() -> Request {
    [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-request-id", "5f0e1c1a-0000-4000-8000-0123456789ab"),
        ("user-agent", "bench"),
        ("accept", "*/*"),
    ]
    .into_iter()
    .fold(Request::get("/get"), |request, (name, value)| request.header(name, value))
}

/// Counts with a tracing Envoy, times with a plain one.
pub fn run(tracing: &Envoy, plain: &Envoy) -> Result<()> {
    println!("what leaves the mesh        host calls   median round trip   beside nothing");
    let mut gates = Vec::new();
    for (name, more) in KINDS {
        let folder = Scratch::new("bench-outbound")?;
        let stage = Stage::with_file(tracing, &folder, &egress_with(more, RULES))?;
        let calls = calls::count(&stage.gate, &stage.sleep()?, &request(), 200, COUNTED)?;
        drop(stage);
        let folder = Scratch::new("bench-outbound")?;
        let stage = Stage::with_file(plain, &folder, &egress_with(more, RULES))?;
        let connection = stage.sleep()?.http1()?;
        gates.push((name, calls.values().sum::<usize>(), connection, f64::INFINITY, (stage, folder)));
    }
    for _ in 0..TURNS {
        for (_, _, connection, best, _) in &mut gates {
            let mut times = Vec::with_capacity(TURN);
            for _ in 0..TURN {
                let started = Instant::now();
                ensure!(connection.send(&request())?.status == 200, "a call failed");
                times.push(started.elapsed().as_secs_f64() * 1e6);
            }
            times.sort_by(f64::total_cmp);
            *best = best.min(times.get(TURN / 2).copied().unwrap_or(f64::INFINITY));
        }
    }
    let nothing = gates.first().map_or(f64::NAN, |(.., best, _)| *best);
    for (name, calls, _, best, _) in &gates {
        let calls = *calls as f64 / COUNTED as f64;
        println!("  {name:<38} {calls:>5.2}   {best:>9.1} µs   {:>+8.1} µs ({:.2})", best - nothing, best / nothing);
    }
    Ok(())
}
