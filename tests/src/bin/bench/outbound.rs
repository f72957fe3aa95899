//! What it costs to choose what leaves the mesh: host calls, and Envoy's CPU beside a gate that changes nothing.

use anyhow::{Result, ensure};
use sallyport_tests::calls;
use sallyport_tests::client::{Http2, Request};
use sallyport_tests::envoys::Envoy;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress_with};

const COUNTED: usize = 100;
/// Requests of a turn, and turns: the gates take turns, so that what else the machine does meets them all.
const TURN: usize = 2_000;
const TURNS: usize = 12;
/// So many are on their way at once: an Envoy that sleeps between two requests spends its time on waking.
const AT_ONCE: usize = 32;
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

/// A gate whose CPU time is taken.
struct Timed {
    name: &'static str,
    calls: f64,
    connection: Http2,
    stage: Stage,
    _folder: Scratch,
    /// The least that a turn took, in µs a request.
    cpu: f64,
}

impl Timed {
    fn start(tracing: &Envoy, plain: &Envoy, (name, more): (&'static str, &str)) -> Result<Self> {
        let folder = Scratch::new("bench-outbound")?;
        let stage = Stage::with_file(tracing, &folder, &egress_with(more, RULES))?;
        let calls = calls::count(&stage.gate, &stage.sleep()?, &request(), 200, COUNTED)?;
        drop(stage);
        let folder = Scratch::new("bench-outbound")?;
        let stage = Stage::with_file(plain, &folder, &egress_with(more, RULES))?;
        Ok(Self {
            name,
            calls: calls.values().sum::<usize>() as f64 / COUNTED as f64,
            connection: stage.sleep()?.http2()?,
            stage,
            _folder: folder,
            cpu: f64::INFINITY,
        })
    }

    fn turn(&mut self) -> Result<()> {
        let before = self.stage.gate.cpu()?;
        let replies = self.connection.send_many(&request(), TURN, AT_ONCE)?;
        let cpu = self.stage.gate.cpu()?.saturating_sub(before);
        ensure!(replies.iter().all(|reply| reply.status == 200), "a call failed");
        self.cpu = self.cpu.min(cpu.as_secs_f64() * 1e6 / TURN as f64);
        Ok(())
    }
}

/// Counts with a tracing Envoy, times with a plain one.
pub fn run(tracing: &Envoy, plain: &Envoy) -> Result<()> {
    println!("what leaves the mesh                  host calls   Envoy's CPU a request, beside nothing");
    let mut gates = KINDS.into_iter().map(|kind| Timed::start(tracing, plain, kind)).collect::<Result<Vec<_>>>()?;
    for _ in 0..TURNS {
        for gate in &mut gates {
            gate.turn()?;
        }
    }
    let nothing = gates.first().map_or(f64::NAN, |gate| gate.cpu);
    for Timed { name, calls, cpu, .. } in &gates {
        println!("  {name:<38} {calls:>5.2}   {cpu:>9.1} µs   {:>+6.1} µs ({:.2})", cpu - nothing, cpu / nothing);
    }
    Ok(())
}
