//! What it costs to choose what leaves the mesh: host calls, and Envoy's CPU beside a gate that changes nothing.

use anyhow::Result;
use sallyport_tests::calls;
use sallyport_tests::client::Request;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress_with};

use crate::turns::{self, Timed};

const COUNTED: usize = 100;
const RULES: &str = "rules:\n- {id: readers, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}\n";
/// The request's only trace header goes on as it came.
const NOTHING: &str = "headers: {hygiene: off}";
const KINDS: [(&str, &str); 8] = [
    ("nothing", NOTHING),
    ("hygiene strict", "headers: {hygiene: strict}"),
    ("hygiene compatible", "headers: {hygiene: compatible}"),
    ("tracing envoy, decision and rule told", "tracing: {mode: envoy}\nheaders: {hygiene: off}"),
    ("tracing standalone, w3c, a span of the gateway", "tracing: {parent: gateway}\nheaders: {hygiene: off}"),
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

/// The host calls of a request at a gate, counted with a tracing Envoy, and the gate to be timed, with a plain one.
fn start(tracing: &Envoy, plain: &Envoy, (name, more): (&'static str, &str)) -> Result<(f64, Timed)> {
    let folder = Scratch::new("bench-outbound")?;
    let stage = Stage::with_file(tracing, &folder, &egress_with(more, RULES))?;
    let calls = calls::count(&stage.gate, &stage.sleep()?, &request(), 200, COUNTED)?;
    drop(stage);
    let folder = Scratch::new("bench-outbound")?;
    let stage = Stage::with_file(plain, &folder, &egress_with(more, RULES))?;
    Ok((calls.values().sum::<usize>() as f64 / COUNTED as f64, Timed::new(name, request(), stage, folder)?))
}

/// Counts with a tracing Envoy, times with a plain one.
pub fn run(tracing: &Envoy, plain: &Envoy) -> Result<()> {
    println!("what leaves the mesh                  host calls   Envoy's CPU a request, beside nothing");
    let started = KINDS.into_iter().map(|kind| start(tracing, plain, kind)).collect::<Result<Vec<_>>>()?;
    let (calls, mut gates): (Vec<_>, Vec<_>) = started.into_iter().unzip();
    let cpu = turns::take(&mut gates)?;
    for ((gate, calls), cpu) in gates.iter().zip(calls).zip(cpu) {
        println!("  {:<38} {calls:>5.2}   {cpu}", gate.name);
    }
    Ok(())
}
