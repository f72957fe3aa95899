//! What one VM knows of its targets between two ticks.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::gate::{Change, Phase, State};
use super::probe::{ProbeFailure, Reply};
use super::record;
use super::window::{Outcome, Tally};
use super::{HealthPolicy, Target};
use crate::wire;

/// Most targets: an upstream and its standbys.
pub(crate) const MAX_TARGETS: usize = 8;
/// A share is counted in thousandths.
const WHOLE: u32 = 1000;

/// One VM's view of all targets.
#[derive(Debug)]
pub struct Monitor {
    views: Vec<View>,
}

#[derive(Debug)]
struct View {
    /// What this VM saw and has not written into the record yet.
    tally: Tally,
    /// The record, as it was last read or written.
    state: State,
    /// Whether a record has been read at all.
    known: bool,
    /// The share of requests that may go to this target, in thousandths.
    share: u32,
    /// What earlier requests left of the share. A request is let through when the two add up to a whole, so that a share
    /// of a tenth lets every tenth request through: an even spread, without random numbers.
    credit: u32,
}

/// Where a permitted request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To this target: 0 is the upstream itself.
    To(usize),
    /// Nowhere.
    Refused,
}

/// What to do with a target's shared record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordUpdate {
    /// Leave it as it is.
    Unchanged,
    /// Replace it, and once that has succeeded call [`Monitor::record_written`]. If another VM has replaced it in the
    /// meantime, read it and update it again.
    Write(Box<NewRecord>),
}

/// A record that has not been written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The bytes to write.
    pub bytes: Vec<u8>,
    /// Whether the VM that writes it must send a probe.
    pub owes_probe: bool,
    /// The change of phase that it brings.
    pub change: Option<Change>,
    state: State,
}

impl Monitor {
    /// No record has been read yet: every target counts as healthy.
    #[must_use]
    pub fn new(health: &HealthPolicy) -> Self {
        Self { views: health.targets.iter().map(|_| View::new()).collect() }
    }

    /// Which target gets a request. `may_fail_over`: whether it may be sent to a standby.
    pub fn admit(&mut self, health: &HealthPolicy, may_fail_over: bool) -> Admission {
        // An override takes effect on the next request, so it is read here and not put into the record.
        let first = match health.force {
            Some(wire::Override::ForceClosed) => true,
            Some(wire::Override::ForceOpen) => false,
            None => self.views.first_mut().is_none_or(View::admit),
        };
        if first {
            return Admission::To(0);
        }
        if !may_fail_over {
            return Admission::Refused;
        }
        // A half-open standby gets all of the requests: the alternative is to refuse them.
        let standby = self.views.iter().skip(1).position(|view| view.state.phase != Phase::Open);
        standby.map_or(Admission::Refused, |position| Admission::To(position.saturating_add(1)))
    }

    /// Whether some target gets requests and has been shown to be healthy: then the pod is ready.
    #[must_use]
    pub fn is_ready(&self, health: &HealthPolicy) -> bool {
        if health.force == Some(wire::Override::ForceClosed) {
            return true;
        }
        let skipped = usize::from(health.force == Some(wire::Override::ForceOpen));
        let mut targets = self.views.iter().zip(&health.targets).skip(skipped);
        targets.any(|(view, target)| {
            // A closed gate alone is no evidence: every gate starts closed, before the first probe has been answered.
            let is_proven = target.limits.probe.is_none() || view.state.was_good;
            is_proven && view.state.phase != Phase::Open
        })
    }

    /// Counts what a caller got from a target. True: this may open the gate, so the record should be updated now.
    pub fn observe(&mut self, health: &HealthPolicy, target: usize, outcome: Outcome) -> bool {
        let (Some(view), Some(target)) = (self.views.get_mut(target), health.targets.get(target)) else { return false };
        let Some(passive) = &target.limits.passive else { return false };
        // In memory only: to write the record would cost every request two more host calls.
        view.tally.add(outcome, passive.p95);
        // Failures in a row are counted over all VMs, so what this VM adds to the last record is what counts. A wrong
        // guess costs one read of the record; waiting for the tick would send more requests to an unhealthy upstream.
        let reached = |row: u32, limit: Option<u32>| limit.is_some_and(|limit| row >= limit);
        let Tally { row, local_row, .. } = view.tally;
        let (row, local_row) = (row.saturating_add(view.state.row), local_row.saturating_add(view.state.local_row));
        view.state.phase != Phase::Open
            && outcome.is_failure()
            && (reached(row, passive.consecutive) || reached(local_row, passive.consecutive_local))
    }

    /// Takes a target's record as it is, and adds nothing to it.
    pub fn read_record(&mut self, health: &HealthPolicy, target: usize, stored: &[u8], now: u64) {
        if let (Some(view), Some(state)) = (self.views.get_mut(target), record::decode(stored)) {
            view.set_state(state, health, target, now);
        }
    }

    /// What becomes of a target's shared record, given what this VM saw and, where it has probed, the probe's result.
    ///
    /// `stored` is the record; at first there is none, or one that cannot be decoded. `random` is any number.
    pub fn update(
        &mut self,
        health: &HealthPolicy,
        target: usize,
        stored: Option<&[u8]>,
        probed: Option<Result<(), ProbeFailure>>,
        now: u64,
        random: u32,
    ) -> RecordUpdate {
        let (Some(view), Some(Target { limits, .. })) = (self.views.get_mut(target), health.targets.get(target)) else {
            return RecordUpdate::Unchanged;
        };
        let Some(known) = stored.and_then(record::decode) else {
            // There is none only if it could not be made when the policy came into force (`FirstRead`), or it is of another
            // version. Several VMs may write at once, and the host cannot write on the condition that nothing is there. So
            // none of them may act on it: each reads again, and the second write is conditional.
            let state = State::new(now);
            return RecordUpdate::Write(Box::new(NewRecord::new(state, false, None)));
        };
        let mut state = known;
        state.add_tally(limits, &view.tally, now);
        if let Some(result) = probed {
            state.add_probe(result);
        }
        // In this order: the tally and the probe may be what makes the phase change.
        let change = state.advance(limits, now);
        let owes_probe = limits.probe.as_ref().is_some_and(|probe| state.take_lease(probe, now, random));
        if state == known {
            // The tally is empty, or came too late to count; either way it is not to be counted again.
            view.set_state(state, health, target, now);
            view.tally = Tally::default();
            return RecordUpdate::Unchanged;
        }
        RecordUpdate::Write(Box::new(NewRecord::new(state, owes_probe, change)))
    }

    /// The record has been written. Only now is the tally in it, and may be forgotten.
    pub fn record_written(&mut self, health: &HealthPolicy, target: usize, record: &NewRecord, now: u64) {
        if let Some(view) = self.views.get_mut(target) {
            view.tally = Tally::default();
            view.set_state(record.state, health, target, now);
        }
    }

    /// The phase of a target, from the last record; none before there is one.
    #[must_use]
    pub fn phase(&self, target: usize) -> Option<Phase> {
        self.views.get(target).filter(|view| view.known).map(|view| view.state.phase)
    }
}

/// The record of a target of which nothing is known yet; `now` in ms.
pub(crate) fn first_record(now: u64) -> Vec<u8> {
    record::encode(&State::new(now))
}

impl NewRecord {
    fn new(state: State, owes_probe: bool, change: Option<Change>) -> Self {
        Self { bytes: record::encode(&state), owes_probe, change, state }
    }
}

impl View {
    fn new() -> Self {
        Self { tally: Tally::default(), state: State::default(), known: false, share: WHOLE, credit: 0 }
    }

    fn admit(&mut self) -> bool {
        if self.share >= WHOLE {
            return true;
        }
        self.credit = self.credit.saturating_add(self.share);
        let is_whole = self.credit >= WHOLE;
        if is_whole {
            self.credit = self.credit.saturating_sub(WHOLE);
        }
        is_whole
    }

    fn set_state(&mut self, state: State, health: &HealthPolicy, target: usize, now: u64) {
        (self.state, self.known) = (state, true);
        self.share = health.targets.get(target).map_or(WHOLE, |target| state.share(&target.limits, now));
    }
}

impl HealthPolicy {
    /// Whether a reply to a probe shows that a target is healthy.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn judge(&self, target: usize, reply: &Reply<'_>) -> Result<(), ProbeFailure> {
        self.probe(target).map_or(Err(ProbeFailure::Unreachable), |probe| probe.judge(reply))
    }
}
