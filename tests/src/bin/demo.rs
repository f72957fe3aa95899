//! `make demo`: a real httpbin behind TLS, the gate in front of it, and who may do what.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Http1, Request};
use sallyport_tests::envoys::{self, Envoy};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::scenes::{self, EXAMPLE, Outcome, Row, Who};
use sallyport_tests::stage::{CALLERS, UPSTREAM};
use sallyport_tests::upstream::Httpbin;

/// Requests per row; the median of their times is shown. The first ones warm the connections up.
const REQUESTS: usize = 25;
const WARM_UP: usize = 5;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut scratch = Scratch::new("demo")?;
    let shown = show(&scratch, &envoys::newest()?);
    if shown.is_err() {
        scratch.keep();
        eprintln!("the logs are in {}", scratch.path().display());
    }
    shown
}

fn show(scratch: &Scratch, envoy: &Envoy) -> Result<()> {
    let file = sallyport_tests::workspace().join(EXAMPLE);
    let egress = fs::read_to_string(&file).with_context(|| format!("cannot read {EXAMPLE}"))?;

    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(scratch, "upstream-ca")?;
    let httpbin = Httpbin::start(scratch, &authority.server(scratch, "httpbin", &[UPSTREAM])?, None)?;
    let options =
        Options { envoy: &envoy.path, egress: &egress, upstream: httpbin.address(), authority: &ca, callers: &CALLERS };
    let mut gate = Gate::start(scratch, &options)?;
    println!("upstream  httpbin behind TLS, certificate for {UPSTREAM}, on {}", httpbin.address());
    println!("gate      Envoy {} with the filter, mTLS, policy {EXAMPLE}, on {}", envoy.version, gate.listener());
    println!();

    let mut table = Table::new(&gate)?;
    for row in scenes::rows() {
        table.ask(&row)?;
    }

    let (changed, row) = scenes::change(&egress)?;
    let milliseconds = gate.save_good(&changed)?;
    println!();
    println!(
        "A path is added to `readers` and the file is saved: live after {milliseconds:.0} ms, on open connections."
    );
    println!();
    table.ask(&row)?;

    println!();
    println!("us: microseconds, the median of {} round trips on an open connection; for allowed", REQUESTS - WARM_UP);
    println!("requests this includes httpbin's own time. All {} rows are as expected.", table.rows);
    Ok(())
}

/// The table, and a connection for each caller.
struct Table {
    connections: Vec<Http1>,
    rows: usize,
}

impl Table {
    fn new(gate: &Gate) -> Result<Self> {
        println!("{} {:>5}", scenes::line(["caller", "request", "", "verdict", "rule", "reason"]), "us");
        let connections = Who::ALL.iter().map(|who| who.caller(gate)?.http1()).collect::<Result<_>>()?;
        Ok(Self { connections, rows: 0 })
    }

    /// Sends the row's request, shows what came of it, and fails if that is not what was expected.
    fn ask(&mut self, row: &Row) -> Result<()> {
        let connection = self.connections.get_mut(row.who as usize).context("a caller without a connection")?;
        let mut times = Vec::with_capacity(REQUESTS);
        let mut outcome = Outcome::default();
        for request in 0..REQUESTS {
            if connection.is_closing() {
                // A 400 closes its connection. The handshake of the next is not what is measured.
                connection.send(&Request::get("/"))?;
            }
            let start = Instant::now();
            let reply = connection.send(&row.request)?;
            if request >= WARM_UP {
                times.push(start.elapsed());
            }
            outcome = Outcome::of(&reply);
            if outcome != row.expected {
                bail!("{} {}: expected {:?}, got {outcome:?}", row.who.name(), row.shown, row.expected);
            }
        }
        self.rows += 1;
        println!("{} {:>5}", row.line(&outcome), median(times).as_micros());
        Ok(())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
