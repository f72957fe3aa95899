//! The health gate's host calls: the records that all VMs share, and probes.

use sallyport_core::flow::health::{FirstRead, FirstStep, RecordStep, TargetUpdate, WriteStep};
use sallyport_core::flow::probe::{Probed, on_answer};
use sallyport_core::health::HealthPolicy;

use crate::host;
use crate::policy::ActivePolicy;

impl ActivePolicy {
    /// Reads the record of every target, or makes it, and writes the gauges of their states.
    pub fn read_records(&self) {
        let Some(health) = self.engine.health() else { return };
        for target in 0..health.targets().len() {
            let mut first_read = FirstRead::new(target);
            let key = health.key(target);
            loop {
                let (record, _) = host::shared_data(&key);
                let now = host::now();
                match self
                    .run(|state| Some(first_read.on_read(health, state.monitor()?, record.as_deref(), now)))
                    .flatten()
                {
                    // If this fails it is made on a tick.
                    Some(FirstStep::Make(record)) => drop(host::set_shared_data(&key, &record, 0)),
                    Some(FirstStep::Apply(effect)) => host::apply(&effect),
                    Some(FirstStep::Done) | None => break,
                }
            }
        }
    }

    /// Updates a target's record, and sends the probes that follow from that.
    pub fn update_record(&self, update: TargetUpdate) {
        let Some(health) = self.engine.health() else { return };
        let mut next = Some(update);
        while let Some(mut update) = next.take() {
            if self.write_record(health, &mut update) {
                next = self.send_probe(health, update.target()).map(apply_effects);
            }
        }
    }

    /// Takes the answer to a probe.
    pub fn on_probe_answer(&self, token: u32) {
        let Some(health) = self.engine.health() else { return };
        let Some(probe) = self.run(|state| state.take_probe(token)).flatten() else { return };
        let headers = host::call_response_headers().unwrap_or_default();
        let body = probe.body_needed(health).and_then(host::call_response_body).unwrap_or_default();
        self.update_record(apply_effects(on_answer(health, probe, &headers, &body, host::now())));
    }

    /// Reads and writes a target's record until that has succeeded or been given up. Whether a probe must be sent.
    fn write_record(&self, health: &HealthPolicy, update: &mut TargetUpdate) -> bool {
        let key = health.key(update.target());
        loop {
            let (record, version) = host::shared_data(&key);
            let now = host::now();
            let step =
                self.run(|state| Some(update.on_read(health, state.monitor()?, record.as_deref(), now))).flatten();
            let Some(RecordStep::Write(new)) = step else { return false };
            let outcome = (host::set_shared_data(&key, &new.bytes, version), record.is_some());
            match self.run(|state| Some(update.on_write(health, state.monitor()?, &new, outcome, now))).flatten() {
                Some(WriteStep::ReadAgain) => {}
                Some(WriteStep::Done(updated)) => {
                    updated.effects.iter().for_each(host::apply);
                    return updated.owes_probe;
                }
                None => return false,
            }
        }
    }

    /// Sends a probe; what follows if that fails at once.
    fn send_probe(&self, health: &HealthPolicy, target: usize) -> Option<Probed> {
        let probe = health.probe(target)?;
        let token = host::call(&probe.cluster, &probe.headers(), probe.timeout);
        let now = host::now();
        self.run(|state| state.on_probe_sent(health, target, token, now)).flatten()
    }
}

fn apply_effects(probed: Probed) -> TargetUpdate {
    probed.effects.iter().for_each(host::apply);
    probed.update
}
