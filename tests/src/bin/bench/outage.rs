//! An upstream goes away and comes back, under load: what callers of different gateways get meanwhile.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::crowd::{Crowd, Sample};
use sallyport_tests::envoys::Envoy;
use sallyport_tests::faulty::{Faulty, Mood};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::plain::{self, Plain};
use sallyport_tests::prober::{Prober, Settings};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, FaultyStage, UPSTREAM};
use serde_json::{Value, json};

/// Calls a second, to each gateway.
const RATE: u32 = 25;
const CONNECTIONS: usize = 4;
/// How long the upstream is well before, and then ill.
const WELL: Duration = Duration::from_secs(3);
const ILL: Duration = Duration::from_secs(20);
/// How long the gateways have to see that it is well again.
const PATIENCE: Duration = Duration::from_secs(45);
/// An answer that takes longer is late.
const LATE: Duration = Duration::from_secs(1);
/// Good calls in a row after which a gateway is taken to have recovered.
const RECOVERED: usize = 2 * RATE as usize;
/// The timeout of the routes without the gate. Istio sets none, and then callers wait as long as the upstream likes.
const TIMEOUT: &str = "10s";

const MOODS: [(&str, Mood); 2] = [("hangs", Mood::Hang), ("refuses connections", Mood::Refuse)];

/// What stands between the callers and the upstream.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Envoy's own detection, with the values that Istio gives it.
    Outliers,
    /// A readiness probe that asks the upstream, and leaves after so many failures.
    Probe(usize),
    /// `sallyport run`, with this `health`.
    Gate(&'static str),
}

const KINDS: [(&str, Kind); 5] = [
    ("outlierDetection of Istio", Kind::Outliers),
    ("exec probe, failureThreshold 30", Kind::Probe(30)),
    ("exec probe, failureThreshold 3", Kind::Probe(3)),
    ("sallyport, probe", Kind::Gate("health: {probe: {path: /health, interval: 1s, fall: 3}}")),
    (
        "sallyport, probe and passive",
        Kind::Gate("health: {probe: {path: /health, interval: 1s, fall: 3}, passive: {}}"),
    ),
];

/// A gateway with its upstream and its callers.
struct Contestant {
    name: &'static str,
    mood: (&'static str, Mood),
    upstream: Faulty,
    prober: Option<Prober>,
    crowd: Crowd,
    gate: Option<Gate>,
    /// It runs as long as this is there.
    _plain: Option<Plain>,
    _scratch: Scratch,
}

/// Prints the table.
pub fn run(envoy: &Envoy) -> Result<()> {
    let mut contestants = Vec::new();
    for mood in MOODS {
        for (name, kind) in KINDS {
            contestants.push(Contestant::start(envoy, name, kind, mood)?);
        }
    }
    thread::sleep(WELL);
    contestants.iter().for_each(|one| one.upstream.set(one.mood.1));
    let fell = Instant::now();
    thread::sleep(ILL);
    contestants.iter().for_each(|one| one.upstream.set(Mood::Healthy));
    let rose = Instant::now();
    let is_good = |sample: &Sample| sample.status() == 200 && sample.took < LATE;
    while rose.elapsed() < PATIENCE && !contestants.iter().all(|one| one.crowd.are_all(RECOVERED, rose, is_good)) {
        thread::sleep(Duration::from_millis(100));
    }
    let lasted = fell.elapsed() + WELL;

    println!(
        "an upstream is ill for {} s, {RATE} calls a second; routes without the gate time out after {TIMEOUT}",
        ILL.as_secs()
    );
    println!("{}", Row::HEAD);
    for one in contestants {
        let probes = one.probes()?;
        let (name, mood) = (one.name, one.mood.0);
        let samples = one.crowd.finish()?;
        println!("{}", Row::new(&samples, fell, rose, probes, lasted).text(mood, name));
    }
    Ok(())
}

impl Contestant {
    fn start(envoy: &Envoy, name: &'static str, kind: Kind, mood: (&'static str, Mood)) -> Result<Self> {
        let scratch = Scratch::new("bench-outage")?;
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(&scratch, "upstream-ca")?;
        let upstream = Faulty::start(&authority.server(&scratch, "upstream", &[UPSTREAM])?)?;
        let every = Duration::from_secs(1) / RATE;
        let crowd = |caller: &Caller| Crowd::start(caller, Request::get("/"), CONNECTIONS, every);
        if let Kind::Gate(health) = kind {
            let egress = FaultyStage::file(health);
            let options = Options {
                envoy: &envoy.path,
                egress: &egress,
                upstream: upstream.address(),
                authority: &ca,
                callers: &CALLERS,
            };
            let gate = Gate::start(&scratch, &options)?;
            let crowd = crowd(&gate.caller("httpbin/sleep")?);
            return Ok(Self {
                name,
                mood,
                upstream,
                prober: None,
                crowd,
                gate: Some(gate),
                _plain: None,
                _scratch: scratch,
            });
        }
        let host = "gateway.test";
        let options = plain::Options {
            identity: &authority.server(&scratch, "gateway", &[host])?,
            upstream: upstream.address(),
            name: UPSTREAM,
            authority: &ca,
            timeout: TIMEOUT,
            outlier_detection: if matches!(kind, Kind::Outliers) { outlier_detection() } else { Value::Null },
        };
        let plain = Plain::start(&scratch, envoy, &options)?;
        let crowd = crowd(&Caller::new("caller", "", (plain.listener, host), &ca, None)?);
        let prober = match kind {
            Kind::Probe(threshold) => {
                let curl = Caller::new("curl", "", (upstream.address(), UPSTREAM), &ca, None)?;
                let (period, timeout) = (Duration::from_secs(2), Duration::from_secs(1));
                Some(Prober::start(&curl, Settings { period, timeout, threshold }, crowd.unreachable())?)
            }
            Kind::Outliers | Kind::Gate(_) => None,
        };
        Ok(Self { name, mood, upstream, prober, crowd, gate: None, _plain: Some(plain), _scratch: scratch })
    }

    /// How often the upstream was asked how it is, or was to be.
    fn probes(&self) -> Result<usize> {
        let Some(gate) = &self.gate else { return Ok(self.prober.as_ref().map_or(0, Prober::sent)) };
        let told = gate.admin("/stats?filter=health.upstream.probes_")?;
        told.lines().filter_map(|line| line.split_once(": ")).map(|(_, count)| Ok(count.parse::<usize>()?)).sum()
    }
}

/// As `istioctl` renders a DestinationRule that asks for it, for one address.
fn outlier_detection() -> Value {
    json!({
        "consecutive_5xx": 5,
        "enforcing_consecutive_5xx": 100,
        "enforcing_success_rate": 0,
        "interval": "10s",
        "base_ejection_time": "30s",
        "max_ejection_percent": 100,
    })
}

/// What callers of one gateway got.
struct Row {
    /// From the fall until every call is answered in time.
    fast: Option<Duration>,
    /// Calls before that which failed or were late.
    lost: usize,
    /// Of the calls after it while the upstream was ill, how long all but a hundredth took at most.
    p99: Option<Duration>,
    /// From the comeback to the first good answer, and until there are good ones only.
    first: Option<Duration>,
    all: Option<Duration>,
    probes: usize,
    lasted: Duration,
}

impl Row {
    const HEAD: &str = "  upstream             gateway                          fast answer  lost, late    its p99  \
                        first good  all good  probes/min";

    fn new(samples: &[Sample], fell: Instant, rose: Instant, probes: usize, lasted: Duration) -> Self {
        let is_good = |sample: &&Sample| sample.status() == 200 && sample.took < LATE;
        let ill = || samples.iter().filter(|sample| sample.at >= fell && sample.at < rose);
        let last_late = ill().filter(|sample| sample.took >= LATE).map(|sample| sample.at).max();
        // Where calls are late to the end, no answer was ever fast; the last are answered when the upstream is back.
        let fast = last_late.map_or(Some(fell), |late| (rose.duration_since(late) > LATE * 2).then_some(late));
        let is_before = |sample: &&Sample| last_late.is_some() && fast.is_none_or(|fast| sample.at <= fast);
        let lost = ill().filter(is_before).filter(|sample| !is_good(sample)).count();
        let is_fast = |sample: &&Sample| fast.is_some_and(|fast| sample.at > fast);
        let mut fast_times: Vec<Duration> = ill().filter(is_fast).map(|sample| sample.took).collect();
        fast_times.sort();
        let p99 = fast_times.get(fast_times.len() * 99 / 100).copied();
        let after = || samples.iter().filter(|sample| sample.at >= rose);
        let first = after().filter(is_good).map(|sample| sample.at).min();
        let last_bad = after().filter(|sample| !is_good(sample)).map(|sample| sample.at).max();
        let at: BTreeSet<Instant> = after().filter(is_good).map(|sample| sample.at).collect();
        let all = at.range(last_bad.unwrap_or(rose)..).next().copied();
        let since = |start: Instant| move |at: Instant| at.duration_since(start);
        Self {
            fast: fast.map(since(fell)),
            lost,
            p99,
            first: first.map(since(rose)),
            all: all.map(since(rose)),
            probes,
            lasted,
        }
    }

    fn text(&self, mood: &str, name: &str) -> String {
        let seconds = |time: Option<Duration>| {
            time.map_or_else(|| "never".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
        };
        let per_minute = self.probes as f64 * 60.0 / self.lasted.as_secs_f64();
        let p99 = self.p99.map_or_else(String::new, |time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
        format!(
            "  {mood:<20} {name:<32} {:>11} {:>11} {p99:>10} {:>11} {:>9} {per_minute:>11.0}",
            seconds(self.fast),
            self.lost,
            seconds(self.first),
            seconds(self.all),
        )
    }
}
