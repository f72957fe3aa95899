//! The gate of one target: closed, open or half-open. A state, what happened, and the time give the next state.
//!
//! # Design
//!
//! The state is shared by all workers of an Envoy and owned by none: a worker that has something to add reads it, computes
//! the next state and writes that, unless another worker has written in the meantime. So there is no leader to lose. The
//! terms are those of a circuit breaker: closed lets requests through, open does not, half-open lets a growing share
//! through.

use core::fmt;

use super::Limits;
use super::probe::ProbeFailure;
use super::window::{Tally, Window};

/// Percentage of answers that may be slower than the limit: a 95th percentile is within it while at most this share is slow.
const SLOW_PERCENT: u64 = 5;

/// Whether a target gets requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It gets all of them.
    #[default]
    Closed,
    /// It gets a share of them.
    HalfOpen,
    /// It gets none.
    Open,
}

impl Phase {
    /// The word in logs and attributes.
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
    /// This many probes failed in a row, the last for this reason.
    Probes(u32, ProbeFailure),
    /// This many requests failed in a row.
    FailedInARow(u32),
    /// This many requests in a row did not reach the upstream.
    NotReached(u32),
    /// Too many of the requests in the window failed: how many failed, and how many there were.
    FailedShare(u32, u32),
    /// Too many of the answers in the window were slow: how many were slow, and how many there were.
    SlowShare(u32, u32),
    /// This many probes succeeded in a row.
    ProbesSucceeded(u32),
    /// The gate has been open for as long as it must, and there is no probe that could show more.
    HoldOver,
    /// The slow start is over, without a new reason to open.
    SlowStartDone,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Probes(count, last) => write!(f, "{count} failed probes, the last: {last}"),
            Self::FailedInARow(count) => write!(f, "{count} failed requests in a row"),
            Self::NotReached(count) => write!(f, "{count} requests in a row did not reach it"),
            Self::FailedShare(failed, total) => write!(f, "{failed} of {total} requests failed"),
            Self::SlowShare(slow, total) => write!(f, "{slow} of {total} answers were slow"),
            Self::ProbesSucceeded(count) => write!(f, "{count} successful probes"),
            Self::HoldOver => f.write_str("hold time is over"),
            Self::SlowStartDone => f.write_str("slow start completed"),
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

/// What all VMs know about a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(super) phase: Phase,
    /// When the phase began, in ms since the epoch.
    pub(super) since: u64,
    pub(super) cause: Cause,
    /// Successful and failed probes in a row: one of the two is 0.
    pub(super) good: u32,
    pub(super) failed: u32,
    pub(super) last_failure: Option<ProbeFailure>,
    /// Whether a probe has ever succeeded.
    pub(super) was_good: bool,
    /// Failed requests in a row.
    pub(super) row: u32,
    /// Requests in a row that did not reach the upstream.
    pub(super) local_row: u32,
    pub(super) window: Window,
    /// Until when no other VM sends a probe, in ms since the epoch.
    pub(super) leased_until: u64,
}

impl State {
    pub(super) fn new(now: u64) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Adds what callers got.
    pub(super) fn add_tally(&mut self, limits: &Limits, tally: &Tally, now: u64) {
        // Answers that arrive while the gate is open were asked for before it opened, and say nothing about the time since.
        if self.phase == Phase::Open || tally.is_empty() {
            return;
        }
        // What ends a row in this tally ends the one that the record has; failures in the tally after it start a new one.
        let before = |row: u32, ended: bool| if ended { 0 } else { row };
        self.row = before(self.row, tally.any_success).saturating_add(tally.row);
        self.local_row = before(self.local_row, tally.any_answer).saturating_add(tally.local_row);
        // Without limits on answers nothing reads the window, and an unchanged record need not be written.
        if let Some(passive) = &limits.passive {
            self.window.add(tally, passive.window, now);
        }
    }

    /// Adds the result of a probe.
    pub(super) fn add_probe(&mut self, result: Result<(), ProbeFailure>) {
        match result {
            Ok(()) => {
                self.good = self.good.saturating_add(1);
                // Never unset: a pod that was ready once is judged by its gate from then on.
                (self.failed, self.was_good) = (0, true);
            }
            Err(failure) => {
                self.failed = self.failed.saturating_add(1);
                (self.good, self.last_failure) = (0, Some(failure));
            }
        }
    }

    /// Moves to the next phase, if there is a reason to.
    pub(super) fn advance(&mut self, limits: &Limits, now: u64) -> Option<Change> {
        // Where the clock went back, all that is known is that the phase has begun. Without this an open gate would stay
        // open until the clock has caught up.
        self.since = self.since.min(now);
        let lasted = now.saturating_sub(self.since);
        let (to, cause) = match self.phase {
            Phase::Closed => (Phase::Open, self.unhealthy_because(limits, now)?),
            Phase::HalfOpen => match self.reopen_because(limits, now) {
                Some(cause) => (Phase::Open, cause),
                None if lasted >= u64::from(limits.slow_start) => (Phase::Closed, Cause::SlowStartDone),
                None => return None,
            },
            // Whatever probes say meanwhile: an upstream that comes and goes would take the gate with it.
            Phase::Open if lasted < u64::from(limits.hold) => return None,
            Phase::Open => (Phase::HalfOpen, self.half_open_because(limits)?),
        };
        let from = core::mem::replace(&mut self.phase, to);
        (self.since, self.cause) = (now, cause);
        if to != Phase::Closed {
            // Each attempt is judged by what happens in it. Going to closed keeps the counts: the slow start was that attempt.
            (self.row, self.local_row, self.window) = (0, 0, Window::default());
        }
        match to {
            // Only probes sent while the gate is open count towards half-open ...
            Phase::Open => self.good = 0,
            // ... and only probes that fail after that can open it again.
            Phase::HalfOpen => self.failed = 0,
            Phase::Closed => {}
        }
        Some(Change { from, to, cause, lasted })
    }

    /// Why the target is unhealthy, if it is.
    fn unhealthy_because(&self, limits: &Limits, now: u64) -> Option<Cause> {
        if let Some(probe) = &limits.probe
            && self.failed >= probe.fall
        {
            return Some(Cause::Probes(self.failed, self.last_failure.unwrap_or(ProbeFailure::Unreachable)));
        }
        let passive = limits.passive.as_ref()?;
        // Rows first: they show an outage after a few requests, a window only when it has enough of them.
        let reached = |row: u32, limit: Option<u32>| limit.is_some_and(|limit| row >= limit);
        if reached(self.row, passive.consecutive) {
            return Some(Cause::FailedInARow(self.row));
        }
        if reached(self.local_row, passive.consecutive_local) {
            return Some(Cause::NotReached(self.local_row));
        }
        // A share of a few requests means nothing: one failure of two would open the gate.
        let (total, failed, slow) = self.window.sum(passive.window, now);
        if total < u64::from(passive.minimum_requests) {
            return None;
        }
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let is_share = |part: u64, percent: u64| part.saturating_mul(100) >= total.saturating_mul(percent);
        if passive.failure_percent.is_some_and(|percent| is_share(failed, percent.into())) {
            return Some(Cause::FailedShare(narrow(failed), narrow(total)));
        }
        let is_slow = passive.p95.is_some() && slow.saturating_mul(100) > total.saturating_mul(SLOW_PERCENT);
        is_slow.then(|| Cause::SlowShare(narrow(slow), narrow(total)))
    }

    /// Why a half-open gate opens again: one failed probe is enough. The target was unhealthy a moment ago, so there is less
    /// to prove, and `fall` failed probes would let callers wait for each of them.
    fn reopen_because(&self, limits: &Limits, now: u64) -> Option<Cause> {
        match self.last_failure {
            Some(last) if self.failed > 0 => Some(Cause::Probes(self.failed, last)),
            _ => self.unhealthy_because(limits, now),
        }
    }

    /// Why an open gate becomes half-open.
    fn half_open_because(&self, limits: &Limits) -> Option<Cause> {
        match &limits.probe {
            // A probe is better evidence than time, so with one the end of the hold is not enough.
            Some(probe) => (self.good >= probe.rise).then_some(Cause::ProbesSucceeded(self.good)),
            None => Some(Cause::HoldOver),
        }
    }

    /// The share of requests that the target gets now, in thousandths.
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
