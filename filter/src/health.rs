//! The health gate in a VM: its records among the data that all VMs share, and its probes.

use std::cell::RefCell;

use sallyport_core::health::{self, Admission, Change, Monitor, Outcome, Phase, Plan, ProbeFailure, Reply};
use sallyport_core::request::pairs;

use crate::host::{self, Level, Metric};

/// How often a record is tried again when another VM was faster. What is not told now is told on the next tick.
const TRIES: usize = 5;

/// What one VM has of the gate.
pub struct Health {
    monitor: RefCell<Monitor>,
    /// Probes without an answer: token, target, and when they were sent.
    probes: RefCell<Vec<(u32, usize, u64)>>,
    /// By target.
    keys: Vec<String>,
}

impl Health {
    /// Hears what other VMs know already, and tells the state that it begins with.
    pub fn new(health: &health::Health) -> Self {
        let mut monitor = Monitor::new(health);
        let keys: Vec<_> = (0..health.targets().len()).map(|target| health.key(target)).collect();
        for (target, key) in keys.iter().enumerate() {
            begin(health, &mut monitor, target, key);
        }
        Self { monitor: RefCell::new(monitor), probes: RefCell::default(), keys }
    }

    /// Where a permitted request goes.
    pub fn admit(&self, health: &health::Health, is_idempotent: impl FnOnce() -> bool) -> Admission {
        match self.monitor.try_borrow_mut() {
            Ok(mut monitor) => monitor.admit(health, is_idempotent),
            Err(_) => Admission::To(0),
        }
    }

    /// The state of the upstream's gate, as last heard of.
    pub fn phase(&self) -> Option<Phase> {
        self.monitor.try_borrow().ok()?.phase(0)
    }

    /// Whether the pod is ready, as far as its upstream goes.
    pub fn is_ready(&self, health: &health::Health) -> bool {
        self.monitor.try_borrow().is_ok_and(|monitor| monitor.is_ready(health))
    }

    /// Notes what a caller got, and tells the others at once if that may open the gate.
    pub fn observe(&self, health: &health::Health, target: usize, outcome: Outcome) {
        let urgent = self.monitor.try_borrow_mut().is_ok_and(|mut monitor| monitor.observe(health, target, outcome));
        if urgent {
            self.look(health, target, None);
        }
    }

    /// Looks at every target.
    pub fn tick(&self, health: &health::Health) {
        for target in 0..self.keys.len() {
            self.look(health, target, None);
        }
    }

    /// Takes the answer to a probe.
    pub fn on_response(&self, health: &health::Health, token: u32) {
        let Some((target, sent)) = self.take_probe(token) else { return };
        let raw = host::call_response_headers().unwrap_or_default();
        let headers = pairs::parse(&raw).unwrap_or_default();
        let needed = health.probe(target).map_or(0, health::Probe::body_needed);
        let body = if needed > 0 { host::call_response_body(needed).unwrap_or_default() } else { Vec::new() };
        let outcome = health.judge(target, &Reply::Answer { headers: &headers, body: &body });
        count(target, Metric::Histogram, "probe_milliseconds", host::now().saturating_sub(sent));
        self.look(health, target, Some(outcome));
    }

    fn take_probe(&self, token: u32) -> Option<(usize, u64)> {
        let mut probes = self.probes.try_borrow_mut().ok()?;
        let position = probes.iter().position(|(known, ..)| *known == token)?;
        let (_, target, sent) = probes.swap_remove(position);
        Some((target, sent))
    }

    /// Takes a target's record, adds what is new, and puts it back.
    fn look(&self, health: &health::Health, target: usize, outcome: Option<Result<(), ProbeFailure>>) {
        let Some(key) = self.keys.get(target) else { return };
        if let Some(outcome) = outcome {
            count(target, Metric::Counter, if outcome.is_ok() { "probes_good" } else { "probes_failed" }, 1);
        }
        for _ in 0..TRIES {
            let (record, cas) = host::shared_data(key);
            let now = host::now();
            let Ok(mut monitor) = self.monitor.try_borrow_mut() else { return };
            // The low bits of a clock are as good as dice: nobody gains by guessing them.
            let random = (now as u32).wrapping_mul(0x9e37_79b9);
            let step = match monitor.plan(health, target, record.as_deref(), outcome, now, random) {
                Plan::Keep => return,
                Plan::Write(step) => step,
            };
            if !host::set_shared_data(key, &step.record, cas) || record.is_none() {
                continue;
            }
            monitor.commit(health, target, &step, now);
            drop(monitor);
            if let Some(change) = &step.change {
                tell(health, target, change, now);
            }
            if step.probe {
                self.probe(health, target, now);
            }
            return;
        }
    }

    fn probe(&self, health: &health::Health, target: usize, now: u64) {
        let Some(probe) = health.probe(target) else { return };
        let headers = [
            (":method", &*probe.method),
            (":path", &*probe.path),
            (":authority", &*probe.host),
            ("user-agent", "sallyport-probe"),
        ];
        match host::call(&probe.cluster, &headers, probe.timeout) {
            Some(token) => {
                if let Ok(mut probes) = self.probes.try_borrow_mut() {
                    probes.push((token, target, now));
                }
            }
            None => self.look(health, target, Some(health.judge(target, &Reply::Unsent))),
        }
    }
}

/// Hears of a target and tells its state, which would else be told when it first changes. Another VM may be changing it:
/// it is told anew until the record still says so, or the last word could be an old one.
fn begin(health: &health::Health, monitor: &mut Monitor, target: usize, key: &str) {
    let mut told = None;
    for _ in 0..TRIES {
        if let (Some(record), _) = host::shared_data(key) {
            monitor.hear(health, target, &record, host::now());
        }
        let phase = monitor.phase(target).unwrap_or_default();
        if told == Some(phase) {
            return;
        }
        count(target, Metric::Gauge, "state", state(phase));
        told = Some(phase);
    }
}

/// Says what changed: a line, and the metrics of the target.
fn tell(health: &health::Health, target: usize, change: &Change, now: u64) {
    let level = if change.to == Phase::Closed { Level::Info } else { Level::Warn };
    let upstream = health.targets().nth(target).unwrap_or_default();
    host::log(level, &format!("health of {upstream}: {change}"));
    count(target, Metric::Gauge, "state", state(change.to));
    count(target, Metric::Gauge, "changed_at_seconds", now / 1000);
    count(target, Metric::Counter, "changes", 1);
    if change.from == Phase::Open {
        count(target, Metric::Counter, "open_seconds", change.lasted / 1000);
    }
}

fn state(phase: Phase) -> u64 {
    match phase {
        Phase::Closed => 0,
        Phase::HalfOpen => 1,
        Phase::Open => 2,
    }
}

/// `sallyport.health.upstream.NAME`, and for standbys `sallyport.health.standby_1.NAME`. These move seldom, so they are
/// looked up each time.
fn count(target: usize, kind: Metric, name: &str, value: u64) {
    let name = match target {
        0 => format!("sallyport.health.upstream.{name}"),
        standby => format!("sallyport.health.standby_{standby}.{name}"),
    };
    let Some(metric) = host::define_metric(kind, &name) else { return };
    match kind {
        Metric::Counter if value > 0 => host::increment(metric, value),
        Metric::Counter => {}
        Metric::Gauge | Metric::Histogram => host::record(metric, value),
    }
}
