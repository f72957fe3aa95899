//! A policy in force, and what is counted under it.

use std::cell::RefCell;

use sallyport_core::Engine;
use sallyport_core::health;
use sallyport_core::telemetry::{Counters, LogLimit};

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
}

impl Gate {
    pub fn new(engine: Engine) -> Self {
        let telemetry = RefCell::new(Telemetry::new(engine.rule_ids().len()));
        let health = engine.health().map(Health::new);
        Self { engine, health, telemetry, ids: RefCell::new(fastrand::Rng::with_seed(host::random())) }
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
