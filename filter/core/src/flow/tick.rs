//! Ticks: when the health of targets is looked at, and when counters go to the host.

use alloc::string::String;
use alloc::vec::Vec;

use super::effect::{Effect, Level};
use super::worker::WorkerState;
use crate::engine::Engine;

/// From one flush of the counters to the next, in ms.
const FLUSH_PERIOD: u32 = 1000;
/// From one tick to the next where there is a health gate, in ms: within this time a worker acts on what another one saw.
const HEALTH_PERIOD: u32 = 200;
const TICKS_PER_FLUSH: u32 = FLUSH_PERIOD / HEALTH_PERIOD;

/// How often the host is to tick, in ms.
pub(super) fn period(engine: &Engine) -> u32 {
    if engine.health().is_some() { HEALTH_PERIOD } else { FLUSH_PERIOD }
}

/// What a tick is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The records of this many targets are to be updated.
    pub targets: usize,
    /// Whether the counters are to be flushed after that.
    pub flushes: bool,
}

/// What has been counted since the last flush.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flush {
    /// By how much each counter has grown.
    pub increases: Vec<Increase>,
    /// When regions of a candidate's change were last entered, and a line about log lines that were suppressed.
    pub effects: Vec<Effect>,
}

/// The growth of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increase {
    /// The counter: [`WorkerState::counter_name`].
    pub slot: usize,
    /// By how much it has grown.
    pub by: u64,
}

impl WorkerState {
    /// What is due now.
    pub fn on_tick(&mut self, engine: &Engine) -> Tick {
        let Some(health) = engine.health() else { return Tick { targets: 0, flushes: true } };
        self.ticks = self.ticks.saturating_add(1);
        let flushes = self.ticks >= TICKS_PER_FLUSH;
        // Counters are written less often than health is read: each is a host call, and scrapes are seconds apart.
        if flushes {
            self.ticks = 0;
        }
        Tick { targets: health.targets().len(), flushes }
    }

    /// What has been counted; it is counted anew from here.
    ///
    /// `now` in ms.
    pub fn flush(&mut self, engine: &Engine, now: u64) -> Flush {
        let mut increases = Vec::new();
        self.counters.drain(|slot, by| increases.push(Increase { slot, by }));
        // Also where nothing was suppressed: this begins the next interval.
        let suppressed = self.log_limit.refill();
        let text = || format!("{suppressed} more log lines like these were suppressed");
        // A gauge keeps the word of the worker that spoke last, and that is the latest time.
        let seen =
            |region: &str| Effect::gauge(format!("sallyport.region_seen.{}.{region}", engine.mark()), now / 1000);
        let mut effects: Vec<Effect> = self.counters.entered(engine).into_iter().map(seen).collect();
        if suppressed > 0 {
            effects.push(Effect::Log(Level::Warn, text()));
        }
        Flush { increases, effects }
    }

    /// The metric of a counter. A slot keeps its name for as long as the policy is in force.
    #[must_use]
    pub fn counter_name(&self, slot: usize, engine: &Engine) -> String {
        self.counters.name(slot, engine)
    }
}
