//! The record of a target, which all workers share: read, updated, and written unless another worker was faster.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::effect::{Effect, Level};
use crate::health::{Change, HealthPolicy, Monitor, NewRecord, Phase, ProbeFailure, RecordUpdate, first_record};

/// How often an update is tried when other workers write at the same time. What is not written now stays in memory until
/// the next tick.
const TRIES: u32 = 5;

/// One update of a target's record.
#[derive(Debug)]
pub struct TargetUpdate {
    target: usize,
    /// The result of this worker's probe, if it comes from one.
    probed: Option<Result<(), ProbeFailure>>,
    tries: u32,
}

/// What comes after a record has been read.
#[derive(Debug)]
pub enum RecordStep {
    /// Nothing is new.
    Done,
    /// Write this under the target's key, if the record is still the one that was read.
    Write(Box<NewRecord>),
}

/// What comes after a record has been written, or has not.
#[derive(Debug)]
pub enum WriteStep {
    /// Read the record again.
    ReadAgain,
    /// It is finished.
    Done(Updated),
}

/// What an update leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// The change of phase, if there is one.
    pub change: Option<Change>,
    /// What it leads to: a line for the log, and the metrics of the target.
    pub effects: Vec<Effect>,
    /// Whether this worker must send a probe: [`HealthPolicy::probe`].
    pub owes_probe: bool,
}

impl TargetUpdate {
    /// An update with what this worker has seen.
    #[must_use]
    pub fn new(target: usize) -> Self {
        Self { target, probed: None, tries: TRIES }
    }

    /// The same, with the result of a probe.
    #[must_use]
    pub fn of_probe(target: usize, result: Result<(), ProbeFailure>) -> Self {
        Self { probed: Some(result), ..Self::new(target) }
    }

    /// Which target's record is updated: [`HealthPolicy::key`].
    #[must_use]
    pub fn target(&self) -> usize {
        self.target
    }

    /// Takes the record as it is now; `now` in ms.
    pub fn on_read(
        &mut self,
        policy: &HealthPolicy,
        monitor: &mut Monitor,
        record: Option<&[u8]>,
        now: u64,
    ) -> RecordStep {
        // Counted here and not in the adapter, so that the loop ends whatever the host answers.
        self.tries = self.tries.saturating_sub(1);
        // Only for the jitter of probes, which needs no more than that workers differ: the low bits of a clock will do.
        let random = (now as u32).wrapping_mul(0x9e37_79b9);
        match monitor.update(policy, self.target, record, self.probed, now, random) {
            RecordUpdate::Unchanged => RecordStep::Done,
            RecordUpdate::Write(new) => RecordStep::Write(new),
        }
    }

    /// Takes whether the write succeeded. `was_there`: whether there was a record before it.
    pub fn on_write(
        &mut self,
        policy: &HealthPolicy,
        monitor: &mut Monitor,
        new: &NewRecord,
        (is_written, was_there): (bool, bool),
        now: u64,
    ) -> WriteStep {
        // A write where nothing was before always succeeds, so it does not show that no other worker has written.
        if !is_written || !was_there {
            return if self.tries > 0 { WriteStep::ReadAgain } else { WriteStep::Done(Updated::default()) };
        }
        // From here on other workers can see it, so exactly this worker reports the change and sends the probe.
        monitor.record_written(policy, self.target, new, now);
        let change = new.change;
        let effects = change.map(|change| change_effects(policy, self.target, &change, now)).unwrap_or_default();
        WriteStep::Done(Updated { change, effects, owes_probe: new.owes_probe })
    }
}

/// The first read of a target's record when a policy comes into force, which also makes the record where there is none.
///
/// A host cannot write on the condition that nothing is there, so such a write may replace what others have counted since.
/// Envoy configures a plugin on its main thread before it gives it to workers: what is made then is there before a worker
/// counts anything, and from then on every write is conditional.
///
/// It also writes the gauge of the target's state, which would otherwise be written on the first change. Another worker may
/// change the state at the same time and write the gauge before this one does. So the record is read until it still says
/// what the gauge says, or the last value of the gauge could be an old one.
#[derive(Debug)]
pub struct FirstRead {
    target: usize,
    may_make: bool,
    written: Option<Phase>,
    tries: u32,
}

/// What comes after the first read.
#[derive(Debug)]
pub enum FirstStep {
    /// Write this under the target's key, and read it again.
    Make(Vec<u8>),
    /// Apply this, and read the record again.
    Apply(Effect),
    /// Nothing.
    Done,
}

impl FirstRead {
    /// The first read of a target.
    #[must_use]
    pub fn new(target: usize) -> Self {
        Self { target, may_make: true, written: None, tries: TRIES }
    }

    /// Takes the record, if there is one; `now` in ms.
    pub fn on_read(
        &mut self,
        policy: &HealthPolicy,
        monitor: &mut Monitor,
        record: Option<&[u8]>,
        now: u64,
    ) -> FirstStep {
        match record {
            None if core::mem::take(&mut self.may_make) => return FirstStep::Make(first_record(now)),
            // It could not be made: the state is that of a new one.
            None => {}
            Some(record) => monitor.read_record(policy, self.target, record, now),
        }
        let phase = monitor.phase(self.target).unwrap_or_default();
        let Some(tries) = self.tries.checked_sub(1) else { return FirstStep::Done };
        self.tries = tries;
        if self.written.replace(phase) == Some(phase) {
            return FirstStep::Done;
        }
        FirstStep::Apply(Effect::gauge(metric_name(self.target, "state"), state_number(phase)))
    }
}

/// A line for the log, and the metrics of the target.
fn change_effects(policy: &HealthPolicy, target: usize, change: &Change, now: u64) -> Vec<Effect> {
    // Only the end of a recovery is good news: half-open still refuses a share of the requests.
    let level = if change.to == Phase::Closed { Level::Info } else { Level::Warn };
    let upstream = policy.targets().nth(target).unwrap_or_default();
    let name = |name| metric_name(target, name);
    let mut effects = vec![
        Effect::Log(level, format!("health of {upstream}: {change}")),
        Effect::gauge(name("state"), state_number(change.to)),
        Effect::gauge(name("changed_at_seconds"), now / 1000),
        Effect::counter(name("changes"), 1),
    ];
    // A counter of the time that the gate was open, so that an outage between two scrapes is not lost.
    let seconds = change.lasted / 1000;
    if change.from == Phase::Open && seconds > 0 {
        effects.push(Effect::counter(name("open_seconds"), seconds));
    }
    effects
}

fn state_number(phase: Phase) -> u64 {
    match phase {
        Phase::Closed => 0,
        Phase::HalfOpen => 1,
        Phase::Open => 2,
    }
}

/// `sallyport.health.upstream.NAME`, and for standbys `sallyport.health.standby_1.NAME`.
pub(super) fn metric_name(target: usize, name: &str) -> String {
    match target {
        0 => format!("sallyport.health.upstream.{name}"),
        standby => format!("sallyport.health.standby_{standby}.{name}"),
    }
}
