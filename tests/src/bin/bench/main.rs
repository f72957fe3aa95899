//! `make bench`: what a request costs beside the alternatives, what a decision costs, natively and in the real proxy, what
//! a build costs, and what an outage does.
//!
//! It asserts nothing. Its arguments name the parts to run: `beside` (also `beside short`), `decisions`, `sizes`, `calls`,
//! `outbound`, `policy`, `candidate`, `worst`, `builds`, `diff`, `fleet`, `outage`.

mod beside;
mod builds;
mod candidate;
mod diff;
mod fleet;
mod outage;
mod outbound;
mod sizes;
mod turns;
mod worst;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sallyport_tests::calls;
use sallyport_tests::client::Request;
use sallyport_tests::envoys::{self, Envoy};
use sallyport_tests::gate;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress, egress_with};

/// Requests over which host calls are counted.
const REQUESTS: usize = 100;
/// Rules of the large policy.
const RULES: usize = 10_000;
/// What its arguments may name, beside `short`.
const PARTS: [&str; 12] = [
    "beside",
    "decisions",
    "sizes",
    "calls",
    "outbound",
    "policy",
    "candidate",
    "worst",
    "builds",
    "diff",
    "fleet",
    "outage",
];
/// Runs of a program, of which the fastest is shown.
const RUNS: usize = 3;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// All parts, or those that are named.
fn run() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = named.iter().find(|name| *name != "short" && !PARTS.contains(&name.as_str())) {
        bail!("there is no part `{unknown}`; the parts are {}", PARTS.join(", "));
    }
    let wants = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if wants("decisions") {
        let benches = Command::new(env!("CARGO")).args(["bench", "--package", "sallyport-core"]).status()?;
        ensure!(benches.success(), "`cargo bench --package sallyport-core` failed");
    }
    let newest = envoys::newest()?;
    let scratch = Scratch::new("bench")?;
    let envoy = calls::tracing(&scratch, &newest)?;
    println!("\nfilter              {} bytes", fs::metadata(gate::filter()?)?.len());
    println!("in Envoy            {}\n", envoy.version);
    if wants("sizes") {
        sizes::run()?;
        println!();
    }
    if wants("calls") {
        host_calls(&envoy)?;
        println!();
    }
    if wants("beside") {
        beside::run(&newest, named.iter().any(|name| name == "short"))?;
        println!();
    }
    if wants("outbound") {
        outbound::run(&envoy, &newest)?;
        println!();
    }
    if wants("candidate") {
        candidate::run(&newest)?;
        println!();
    }
    if wants("policy") {
        compile_time(&envoy, &scratch)?;
        println!();
    }
    if wants("worst") {
        worst::run(&newest)?;
        println!();
    }
    if wants("builds") {
        builds::run(&scratch)?;
        println!();
    }
    if wants("diff") {
        diff::run(&scratch)?;
        println!();
    }
    if wants("fleet") {
        fleet::run(&newest)?;
        println!();
    }
    if wants("outage") {
        outage::run(&newest)?;
    }
    Ok(())
}

/// Host calls per request, for policies that ask for more and more, and with a health gate.
fn host_calls(envoy: &Envoy) -> Result<()> {
    const POLICIES: [(&str, &str, &str); 6] = [
        ("path and method", "", "to: [{operation: {methods: [GET], paths: [/get]}}]"),
        ("and the caller", "", "from: [{source: {namespaces: [httpbin]}}]"),
        ("and an address", "", "from: [{source: {namespaces: [httpbin], ipBlocks: [127.0.0.0/8]}}]"),
        (
            "and a token",
            "",
            "from: [{source: {namespaces: [httpbin], ipBlocks: [127.0.0.0/8]}}]\n\
         - id: no-bots\n  action: DENY\n  from: [{source: {requestPrincipals: [a/bot]}}]",
        ),
        ("caller, probe", "health: {probe: {path: /get}}", "from: [{source: {namespaces: [httpbin]}}]"),
        ("caller, passive", "health: {passive: {}}", "from: [{source: {namespaces: [httpbin]}}]"),
    ];
    println!("host calls per request, over {REQUESTS} requests");
    for (name, health, body) in POLICIES {
        let folder = Scratch::new("bench-calls")?;
        let file = egress_with(health, &format!("rules:\n- id: readers\n  action: ALLOW\n  {body}\n"));
        let stage = Stage::in_mesh_with_text_log(envoy, &folder, &file)?;
        for (verdict, path, status) in [("allowed", "/get", 200), ("refused", "/get;a", 400)] {
            let calls = calls::count(&stage.gate, &stage.sleep()?, &Request::get(path), status, REQUESTS)?;
            let total: usize = calls.values().sum();
            let mut line = String::new();
            for (call, count) in &calls {
                let _ = write!(line, "  {call} {}", per_request(*count));
            }
            println!("  {name:<16} {verdict:<8} {:>5} {line}", per_request(total));
        }
    }
    Ok(())
}

fn per_request(count: usize) -> String {
    let hundredths = count * 100 / REQUESTS;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A name, a number of rules, and what each of them says.
type Shape<'s> = (&'s str, usize, &'s dyn Fn(usize) -> String);

/// How long the filter takes to compile large policies of several shapes.
fn compile_time(envoy: &Envoy, scratch: &Scratch) -> Result<()> {
    // Every template of thirteen segments that are `a` or any.
    let overlapping = |number: usize| {
        let segments = (0..13).map(|bit| if number >> bit & 1 == 0 { "/a" } else { "/{*}" });
        format!("to: [{{operation: {{paths: [\"{}\"]}}}}]", segments.collect::<String>())
    };
    // None is larger than an object of Kubernetes holds.
    let shapes: [Shape<'_>; 5] = [
        ("a method and a prefix", RULES, &|number| {
            format!("to: [{{operation: {{methods: [GET], paths: [\"/res{number}/items*\"]}}}}]")
        }),
        ("a path and a template", RULES, &|number| {
            format!("to: [{{operation: {{paths: [/a/{number}, \"/b/{number}/{{*}}\"]}}}}]")
        }),
        ("overlapping templates", 1 << 13, &overlapping),
        ("templates by their ends", RULES, &|number| {
            format!("to: [{{operation: {{paths: [\"/{{**}}/x{number}\"]}}}}]")
        }),
        ("conditions on headers", RULES, &|number| {
            format!("when: [{{key: \"request.headers[x-h{number}]\", values: [a]}}]")
        }),
    ];
    let mut stage = Stage::with_arguments(envoy, scratch, &egress("rules: []"), &["--concurrency", "1"])?;
    for (name, count, body) in shapes {
        let mut rules = String::from("rules:\n");
        for number in 0..count {
            let _ = writeln!(rules, "- id: r{number}\n  action: ALLOW\n  {}", body(number));
        }
        let before = stage.gate.envoy_log()?.len();
        let milliseconds = stage.gate.save_good(&egress(&rules))?;
        let log = stage.gate.envoy_log()?;
        let taken = configuring(log.get(before..).unwrap_or_default())?;
        let large: Vec<String> = taken.iter().map(|(thread, time)| format!("{thread} {time:.0}")).collect();
        println!("{count} rules, {name}: live {milliseconds:.0} ms after the save; in wasm, ms: {}", large.join(", "));
    }
    Ok(())
}

/// What each VM took to take a configuration, and on which thread, in milliseconds.
fn configuring(log: &str) -> Result<Vec<(&'static str, f64)>> {
    let mut started: BTreeMap<&str, f64> = BTreeMap::new();
    let mut taken = Vec::new();
    // Envoy's main thread has the first VM.
    let mut main = None;
    for line in log.lines() {
        let thread = line.split(']').nth(1).unwrap_or_default();
        if line.contains("[host->vm] proxy_on_configure") {
            started.insert(thread, seconds(line)?);
        } else if line.contains("[host<-vm] proxy_on_configure")
            && let Some(start) = started.remove(thread)
        {
            let name = if *main.get_or_insert(thread) == thread { "main thread" } else { "worker" };
            taken.push((name, (seconds(line)? - start) * 1_000.0));
        }
    }
    Ok(taken)
}

/// The time of a log line, within its day: `[2026-01-01 12:34:56.789]...`.
fn seconds(line: &str) -> Result<f64> {
    let time = line.split_once(' ').and_then(|(_, rest)| rest.split_once(']')).context("a line without a time")?.0;
    let mut seconds = 0.0;
    for part in time.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>()?;
    }
    Ok(seconds)
}

/// The `sallyport` of a release build where there is one, and its profile.
fn released() -> Result<(PathBuf, &'static str)> {
    let released = sallyport_tests::workspace().join("target/release/sallyport");
    if released.exists() { Ok((released, "release")) } else { Ok((gate::sallyport()?, "debug")) }
}

/// What a program took.
#[derive(Clone, Copy, Debug)]
struct Cost {
    seconds: f64,
    /// The most memory it had, in kibibytes; none where there is no `/proc`.
    peak: Option<u64>,
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:>6.2} s", self.seconds)?;
        match self.peak {
            Some(kibibytes) => write!(formatter, " {:>5} MiB", kibibytes / 1024),
            None => Ok(()),
        }
    }
}

fn fastest(command: impl Fn(usize) -> Command) -> Result<Cost> {
    let costs = (0..RUNS).map(|run| measure(&mut command(run))).collect::<Result<Vec<_>>>()?;
    costs.into_iter().min_by(|one, other| one.seconds.total_cmp(&other.seconds)).context("no run")
}

/// Runs a program to its end. The kernel's own mark of its memory is read each millisecond, because it is gone with the
/// program: what that takes in its last millisecond is missed.
fn measure(command: &mut Command) -> Result<Cost> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().with_context(|| format!("cannot start {command:?}"))?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = None;
    loop {
        peak = peak.max(high_water(&status));
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "{command:?} ended with {ended}");
            return Ok(Cost { seconds: start.elapsed().as_secs_f64(), peak });
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// `VmHWM` of a process's status, in kibibytes.
fn high_water(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.split_whitespace().next()?.parse().ok()
}
