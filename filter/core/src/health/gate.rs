//! The gate of one upstream: closed, open, half-open. A state, what happened, and a time make the next state.
//!
//! # Design
//!
//! The state is shared by all workers of an Envoy and belongs to none: whoever has something to add takes it, makes the
//! next one, and puts that in its place if nobody was faster. So there is no leader to lose. The words are those of the
//! circuit breaker: closed lets requests through, open does not, half-open lets a growing share through.

use std::fmt;

use super::Limits;
use super::probe::ProbeFailure;
use super::window::{Tally, Window};

/// Of each answer the slowest twentieth may be slower than the limit: that is what a 95th percentile says.
const SLOW_PERCENT: u64 = 5;

/// Whether the upstream is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Yes.
    #[default]
    Closed,
    /// A share of the requests asks it.
    HalfOpen,
    /// No.
    Open,
}

impl Phase {
    /// The word in logs and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// Why a phase began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Nothing has happened yet.
    #[default]
    Start,
    /// So many probes failed in a row, the last for this reason.
    Probes(u32, ProbeFailure),
    /// So many requests failed in a row.
    InARow(u32),
    /// So many requests in a row did not reach the upstream.
    Unreached(u32),
    /// Too many of the requests in the window failed: failed, all.
    Share(u32, u32),
    /// Too many of the answers in the window were slow: slow, all.
    Slow(u32, u32),
    /// So many probes succeeded in a row.
    Risen(u32),
    /// The time to stay open is over, and there is no probe to ask.
    Held,
    /// The slow start went well.
    Started,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Probes(count, last) => write!(f, "{count} failed probes, the last: {last}"),
            Self::InARow(count) => write!(f, "{count} failed requests in a row"),
            Self::Unreached(count) => write!(f, "{count} requests in a row did not reach it"),
            Self::Share(failed, total) => write!(f, "{failed} of {total} requests failed"),
            Self::Slow(slow, total) => write!(f, "{slow} of {total} answers were slow"),
            Self::Risen(count) => write!(f, "{count} good probes"),
            Self::Held => f.write_str("held long enough"),
            Self::Started => f.write_str("slow start went well"),
        }
    }
}

/// One step from phase to phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub from: Phase,
    /// After.
    pub to: Phase,
    /// Why.
    pub cause: Cause,
    /// How long the phase before lasted, in ms.
    pub lasted: u64,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, cause, lasted } = self;
        write!(f, "{} -> {}, after {lasted} ms: {cause}", from.as_str(), to.as_str())
    }
}

/// What all VMs know of an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(super) phase: Phase,
    /// When the phase began, in ms since the epoch.
    pub(super) since: u64,
    pub(super) cause: Cause,
    /// Good and failed probes in a row: one of the two is 0.
    pub(super) good: u32,
    pub(super) failed: u32,
    pub(super) last_failure: Option<ProbeFailure>,
    /// Whether a probe has ever been good.
    pub(super) was_good: bool,
    /// Failed requests in a row.
    pub(super) row: u32,
    pub(super) local_row: u32,
    pub(super) window: Window,
    /// Until when nobody else probes, in ms since the epoch.
    pub(super) leased_until: u64,
}

impl State {
    pub(super) fn new(now: u64) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Adds what callers got. While the gate is open these are stragglers, and tell of the past.
    pub(super) fn take_tally(&mut self, limits: &Limits, tally: &Tally, now: u64) {
        if self.phase == Phase::Open || tally.is_empty() {
            return;
        }
        let before = |row: u32| if tally.any_success { 0 } else { row };
        self.row = before(self.row).saturating_add(tally.row);
        self.local_row = before(self.local_row).saturating_add(tally.local_row);
        if let Some(passive) = &limits.passive {
            self.window.add(tally, passive.window, now);
        }
    }

    /// Adds what came of a probe.
    pub(super) fn take_probe(&mut self, outcome: Result<(), ProbeFailure>) {
        match outcome {
            Ok(()) => {
                self.good = self.good.saturating_add(1);
                (self.failed, self.was_good) = (0, true);
            }
            Err(failure) => {
                self.failed = self.failed.saturating_add(1);
                (self.good, self.last_failure) = (0, Some(failure));
            }
        }
    }

    /// Goes on to the next phase, if it is time.
    pub(super) fn advance(&mut self, limits: &Limits, now: u64) -> Option<Change> {
        // The clock went back: what is known of the phase is that it has begun.
        self.since = self.since.min(now);
        let lasted = now.saturating_sub(self.since);
        let (to, cause) = match self.phase {
            Phase::Closed => (Phase::Open, self.trip(limits, now)?),
            Phase::HalfOpen => match self.reopen(limits, now) {
                Some(cause) => (Phase::Open, cause),
                None if lasted >= u64::from(limits.slow_start) => (Phase::Closed, Cause::Started),
                None => return None,
            },
            Phase::Open if lasted < u64::from(limits.hold) => return None,
            Phase::Open => (Phase::HalfOpen, self.risen(limits)?),
        };
        let from = std::mem::replace(&mut self.phase, to);
        (self.since, self.cause) = (now, cause);
        if to != Phase::Closed {
            // Each attempt is judged by what happens in it.
            (self.row, self.local_row, self.window) = (0, 0, Window::default());
        }
        match to {
            Phase::Open => self.good = 0,
            Phase::HalfOpen => self.failed = 0,
            Phase::Closed => {}
        }
        Some(Change { from, to, cause, lasted })
    }

    /// Why the upstream is ill.
    fn trip(&self, limits: &Limits, now: u64) -> Option<Cause> {
        if let Some(probe) = &limits.probe
            && self.failed >= probe.fall
        {
            return Some(Cause::Probes(self.failed, self.last_failure.unwrap_or(ProbeFailure::Unreachable)));
        }
        let passive = limits.passive.as_ref()?;
        let reached = |row: u32, limit: Option<u32>| limit.is_some_and(|limit| row >= limit);
        if reached(self.row, passive.consecutive) {
            return Some(Cause::InARow(self.row));
        }
        if reached(self.local_row, passive.consecutive_local) {
            return Some(Cause::Unreached(self.local_row));
        }
        let (total, failed, slow) = self.window.sum(passive.window, now);
        if total < u64::from(passive.minimum_requests) {
            return None;
        }
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let is_share = |part: u64, percent: u64| part.saturating_mul(100) >= total.saturating_mul(percent);
        if passive.failure_percent.is_some_and(|percent| is_share(failed, percent.into())) {
            return Some(Cause::Share(narrow(failed), narrow(total)));
        }
        let is_slow = passive.p95.is_some() && slow.saturating_mul(100) > total.saturating_mul(SLOW_PERCENT);
        is_slow.then(|| Cause::Slow(narrow(slow), narrow(total)))
    }

    /// Half-open, one failed probe is enough.
    fn reopen(&self, limits: &Limits, now: u64) -> Option<Cause> {
        match self.last_failure {
            Some(last) if self.failed > 0 => Some(Cause::Probes(self.failed, last)),
            _ => self.trip(limits, now),
        }
    }

    fn risen(&self, limits: &Limits) -> Option<Cause> {
        match &limits.probe {
            Some(probe) => (self.good >= probe.rise).then_some(Cause::Risen(self.good)),
            None => Some(Cause::Held),
        }
    }

    /// The share of requests that asks the upstream now, in thousandths.
    pub(super) fn share(&self, limits: &Limits, now: u64) -> u32 {
        match self.phase {
            Phase::Closed => 1000,
            Phase::Open => 0,
            Phase::HalfOpen => {
                let first = u64::from(limits.share.min(100)).saturating_mul(10);
                let lasted = now.saturating_sub(self.since);
                let grown = 1000_u64.saturating_sub(first).saturating_mul(lasted);
                let grown = grown.checked_div(u64::from(limits.slow_start)).unwrap_or(1000);
                u32::try_from(first.saturating_add(grown).min(1000)).unwrap_or(1000)
            }
        }
    }
}
