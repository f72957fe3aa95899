//! What one VM keeps of its targets between two ticks.

use super::gate::{Change, Phase, State};
use super::probe::{ProbeFailure, Reply};
use super::record;
use super::window::{Outcome, Tally};
use super::{Health, Target};
use crate::wire;

/// Most targets: an upstream and its standbys.
pub(crate) const MAX_TARGETS: usize = 8;

/// One VM's view of all targets.
#[derive(Debug)]
pub struct Monitor {
    views: Vec<View>,
}

#[derive(Debug, Default)]
struct View {
    tally: Tally,
    /// What was last heard of.
    state: State,
    heard: bool,
    /// In thousandths; a request is let through when it adds up to a whole.
    share: u32,
    saved: u32,
}

/// Where a permitted request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To this target: 0 is the upstream itself.
    To(usize),
    /// Nowhere.
    Refused,
}

/// What to do with a target's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: there is nothing new.
    Keep,
    /// Put this in its place, and then [`Monitor::commit`] it; if somebody was faster, plan again.
    Write(Box<Step>),
}

/// A record that is not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The bytes to write.
    pub record: Vec<u8>,
    /// Whether whoever writes them owes a probe.
    pub probe: bool,
    /// What changes with them.
    pub change: Option<Change>,
    state: State,
}

impl Monitor {
    /// Nothing has been heard yet: every target is taken to be well.
    #[must_use]
    pub fn new(health: &Health) -> Self {
        let view = || View { share: 1000, ..View::default() };
        Self { views: health.targets.iter().map(|_| view()).collect() }
    }

    /// Who is to answer a request. `is_idempotent`, whether it may be sent to a standby, is asked only if it matters.
    pub fn admit(&mut self, health: &Health, is_idempotent: impl FnOnce() -> bool) -> Admission {
        let first = match health.force {
            Some(wire::Override::ForceClosed) => true,
            Some(wire::Override::ForceOpen) => false,
            None => self.views.first_mut().is_none_or(View::admit),
        };
        if first {
            return Admission::To(0);
        }
        if health.targets.len() < 2 || !is_idempotent() {
            return Admission::Refused;
        }
        let standby = self.views.iter().skip(1).position(|view| view.state.phase != Phase::Open);
        standby.map_or(Admission::Refused, |position| Admission::To(position.saturating_add(1)))
    }

    /// Whether somebody is asked at all, and has shown that it is well: what makes a pod ready.
    #[must_use]
    pub fn is_ready(&self, health: &Health) -> bool {
        if health.force == Some(wire::Override::ForceClosed) {
            return true;
        }
        let skipped = usize::from(health.force == Some(wire::Override::ForceOpen));
        let mut targets = self.views.iter().zip(&health.targets).skip(skipped);
        targets.any(|(view, target)| {
            let known = target.limits.probe.is_none() || view.state.was_good;
            known && view.state.phase != Phase::Open
        })
    }

    /// Notes what a caller got from a target. True: it may be the last straw, so the others should hear of it now.
    pub fn observe(&mut self, health: &Health, target: usize, outcome: Outcome) -> bool {
        let (Some(view), Some(target)) = (self.views.get_mut(target), health.targets.get(target)) else { return false };
        let Some(passive) = &target.limits.passive else { return false };
        view.tally.add(outcome, passive.p95);
        let reached = |row: u32, limit: Option<u32>| limit.is_some_and(|limit| row >= limit);
        let Tally { row, local_row, .. } = view.tally;
        let (row, local_row) = (row.saturating_add(view.state.row), local_row.saturating_add(view.state.local_row));
        view.state.phase != Phase::Open
            && outcome_failed(outcome)
            && (reached(row, passive.consecutive) || reached(local_row, passive.consecutive_local))
    }

    /// Hears of a target without adding anything.
    pub fn hear(&mut self, health: &Health, target: usize, stored: &[u8], now: u64) {
        if let (Some(view), Some(state)) = (self.views.get_mut(target), record::decode(stored)) {
            view.hear(state, health, target, now);
        }
    }

    /// What to make of a target's shared record, with what this VM saw and, maybe, what came of its probe.
    ///
    /// `stored` is the record, absent or undecodable at first; `random` is any number.
    pub fn plan(
        &mut self,
        health: &Health,
        target: usize,
        stored: Option<&[u8]>,
        reply: Option<Result<(), ProbeFailure>>,
        now: u64,
        random: u32,
    ) -> Plan {
        let (Some(view), Some(Target { limits, .. })) = (self.views.get_mut(target), health.targets.get(target)) else {
            return Plan::Keep;
        };
        let Some(known) = stored.and_then(record::decode) else {
            // There is no way to write only what is absent, so whoever writes this owes nothing and looks again.
            let state = State::new(now);
            return Plan::Write(Box::new(Step { record: record::encode(&state), probe: false, change: None, state }));
        };
        let mut state = known;
        state.take_tally(limits, &view.tally, now);
        if let Some(outcome) = reply {
            state.take_probe(outcome);
        }
        let change = state.advance(limits, now);
        let probe = limits.probe.as_ref().is_some_and(|probe| state.lease(probe, now, random));
        if state == known {
            view.hear(state, health, target, now);
            view.tally = Tally::default();
            return Plan::Keep;
        }
        Plan::Write(Box::new(Step { record: record::encode(&state), probe, change, state }))
    }

    /// The step's record is written: everybody knows now, this VM too.
    pub fn commit(&mut self, health: &Health, target: usize, step: &Step, now: u64) {
        if let Some(view) = self.views.get_mut(target) {
            view.tally = Tally::default();
            view.hear(step.state, health, target, now);
        }
    }

    /// The phase of a target, as last heard of; none before that.
    #[must_use]
    pub fn phase(&self, target: usize) -> Option<Phase> {
        self.views.get(target).filter(|view| view.heard).map(|view| view.state.phase)
    }
}

impl View {
    fn admit(&mut self) -> bool {
        if self.share >= 1000 {
            return true;
        }
        self.saved = self.saved.saturating_add(self.share);
        let whole = self.saved >= 1000;
        if whole {
            self.saved = self.saved.saturating_sub(1000);
        }
        whole
    }

    fn hear(&mut self, state: State, health: &Health, target: usize, now: u64) {
        (self.state, self.heard) = (state, true);
        self.share = health.targets.get(target).map_or(1000, |target| state.share(&target.limits, now));
    }
}

fn outcome_failed(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Success(_))
}

impl Health {
    /// What a reply makes of a target.
    ///
    /// # Errors
    ///
    /// Why it is a failure.
    pub fn judge(&self, target: usize, reply: &Reply<'_>) -> Result<(), ProbeFailure> {
        self.probe(target).map_or(Err(ProbeFailure::Unreachable), |probe| probe.judge(reply))
    }
}
