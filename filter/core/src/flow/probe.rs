//! Probes: from the request to what its answer says about the target.

use alloc::vec::Vec;

use super::effect::Effect;
use super::health::{TargetUpdate, metric_name};
use super::worker::{SentProbe, WorkerState};
use crate::health::{HealthPolicy, ProbeFailure, Reply};
use crate::request::pairs;

/// What a probe's result leads to.
#[derive(Debug)]
pub struct Probed {
    /// Metrics.
    pub effects: Vec<Effect>,
    /// The record is to be updated with it.
    pub update: TargetUpdate,
}

impl WorkerState {
    /// Takes whether a probe could be sent, and the host's token for it. Where it could not, that is its result.
    pub fn on_probe_sent(
        &mut self,
        policy: &HealthPolicy,
        target: usize,
        token: Option<u32>,
        now: u64,
    ) -> Option<Probed> {
        // The host will not call back for a probe that was not sent, so its result is known now.
        match (token, &mut self.health) {
            (Some(token), Some(health)) => {
                health.probes.push(SentProbe { token, target, sent: now });
                None
            }
            _ => Some(Probed::new(target, Vec::new(), policy.judge(target, &Reply::Unsent))),
        }
    }

    /// The probe of this token; none where the host's answer is to something else.
    pub fn take_probe(&mut self, token: u32) -> Option<SentProbe> {
        let probes = &mut self.health.as_mut()?.probes;
        // Removed here: an answer is used once, and tokens may be reused.
        let position = probes.iter().position(|probe| probe.token == token)?;
        Some(probes.swap_remove(position))
    }
}

/// Reads the answer to a probe: its headers in the byte form of [`pairs`], the beginning of its body. `now` in ms.
#[must_use]
pub fn on_answer(policy: &HealthPolicy, probe: SentProbe, headers: &[u8], body: &[u8], now: u64) -> Probed {
    let SentProbe { target, sent, .. } = probe;
    // Bytes that are no header map have no status, and count as no answer.
    let headers = pairs::parse(headers).unwrap_or_default();
    let result = policy.judge(target, &Reply::Answer { headers: &headers, body });
    let time = Effect::histogram(metric_name(target, "probe_milliseconds"), now.saturating_sub(sent));
    Probed::new(target, vec![time], result)
}

impl Probed {
    fn new(target: usize, mut effects: Vec<Effect>, result: Result<(), ProbeFailure>) -> Self {
        let name = if result.is_ok() { "probes_good" } else { "probes_failed" };
        effects.push(Effect::counter(metric_name(target, name), 1));
        Self { effects, update: TargetUpdate::of_probe(target, result) }
    }
}
