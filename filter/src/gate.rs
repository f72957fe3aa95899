//! A policy in force, and what is counted under it.

use std::cell::{Cell, RefCell};

use sallyport_core::Engine;
use sallyport_core::health;
use sallyport_core::telemetry::{Counters, LogLimit, policy_hash};

use crate::health::Health;
use crate::host::{self, Level, Metric};

/// What the plugin and its streams share.
pub struct Gate {
    pub engine: Engine,
    /// There where the policy has a health gate.
    pub health: Option<Health>,
    pub telemetry: RefCell<Telemetry>,
    /// Ids of traces and spans.
    ids: RefCell<fastrand::Rng>,
    /// Requests since the last whose time was taken.
    since_sample: Cell<u32>,
}

/// Of so many requests the time of one is taken: to ask for it costs as much as a small decision.
const SAMPLE: u32 = 256;

impl Gate {
    pub fn new(engine: Engine) -> Self {
        let telemetry = RefCell::new(Telemetry::new(engine.rule_ids().len()));
        let health = engine.health().map(Health::new);
        Self {
            engine,
            health,
            telemetry,
            ids: RefCell::new(fastrand::Rng::with_seed(host::random())),
            since_sample: Cell::new(0),
        }
    }

    /// Tells which configuration is in force, and since when.
    pub fn announce(&self, configuration: &[u8]) {
        for (name, value) in [
            ("sallyport.config.policy_hash", u64::from(policy_hash(configuration))),
            ("sallyport.config.loaded_at_seconds", host::now() / 1000),
        ] {
            if let Some(metric) = host::define_metric(Metric::Gauge, name) {
                host::record(metric, value);
            }
        }
    }

    /// When this request came, if its time is to be taken.
    pub fn sample(&self) -> Option<u64> {
        let count = self.since_sample.get().saturating_add(1);
        self.since_sample.set(if count < SAMPLE { count } else { 0 });
        (count >= SAMPLE).then(host::now_nanoseconds)
    }

    /// Takes the time that the filter has had a request for.
    pub fn take_time(&self, started: u64) {
        if let Some(metric) = host::define_metric(Metric::Histogram, "sallyport.filter.microseconds") {
            host::record(metric, host::now_nanoseconds().saturating_sub(started) / 1000);
        }
    }

    /// The id of a trace and of a span.
    pub fn ids(&self) -> [u8; 24] {
        let mut ids = [0; 24];
        if let Ok(mut generator) = self.ids.try_borrow_mut() {
            generator.fill(&mut ids);
        }
        ids
    }

    /// The health gate: its settings, and what this VM has of it.
    pub fn health(&self) -> Option<(&health::Health, &Health)> {
        self.engine.health().zip(self.health.as_ref())
    }
}

/// What happened since the last flush.
pub struct Telemetry {
    pub counters: Counters,
    pub log_limit: LogLimit,
    /// Metric ids by counter slot, filled when a counter first moves.
    metrics: Vec<Option<u32>>,
}

impl Telemetry {
    pub fn new(rules: usize) -> Self {
        Self { counters: Counters::new(rules), log_limit: LogLimit::default(), metrics: Vec::new() }
    }

    /// Hands everything to the host.
    pub fn flush(&mut self, engine: &Engine) {
        let mut moved = Vec::new();
        self.counters.drain(|slot, increase| moved.push((slot, increase)));
        for (slot, increase) in moved {
            if let Some(metric) = self.metric(slot, engine) {
                host::increment(metric, increase);
            }
        }
        let suppressed = self.log_limit.refill();
        if suppressed > 0 {
            host::log(Level::Warn, &format!("{suppressed} more lines like these were left out"));
        }
    }

    fn metric(&mut self, slot: usize, engine: &Engine) -> Option<u32> {
        if self.metrics.len() <= slot {
            self.metrics.resize(slot.saturating_add(1), None);
        }
        let metric = self.metrics.get_mut(slot)?;
        if metric.is_none() {
            *metric = host::define_metric(Metric::Counter, &self.counters.name(slot, engine));
        }
        *metric
    }
}
