//! What one worker keeps under one policy.

use alloc::vec::Vec;

use crate::engine::Engine;
use crate::health::{HealthPolicy, Monitor};
use crate::telemetry::{Counters, LogLimit};

/// What one worker's VM keeps from request to request, while a policy is in force.
#[derive(Debug)]
pub struct WorkerState {
    pub(super) counters: Counters,
    pub(super) log_limit: LogLimit,
    /// Where the policy has a health gate.
    pub(super) health: Option<HealthRuntime>,
    /// Requests since the last whose time was measured.
    pub(super) since_timed: u32,
    /// Ticks since the last flush.
    pub(super) ticks: u32,
}

/// The health gate in one worker.
#[derive(Debug)]
pub(super) struct HealthRuntime {
    pub(super) monitor: Monitor,
    /// Probes that have no answer yet.
    pub(super) probes: Vec<SentProbe>,
}

/// A probe that has no answer yet.
#[derive(Clone, Copy, Debug)]
pub struct SentProbe {
    pub(super) token: u32,
    pub(super) target: usize,
    /// When it was sent, in ms.
    pub(super) sent: u64,
}

impl SentProbe {
    /// How many bytes of the answer's body are compared; none where the body does not matter.
    #[must_use]
    pub fn body_needed(&self, policy: &HealthPolicy) -> Option<usize> {
        policy.probe(self.target)?.body_needed()
    }
}

impl WorkerState {
    /// The state in which a policy comes into force.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            counters: Counters::new(engine),
            log_limit: LogLimit::default(),
            health: engine.health().map(HealthRuntime::new),
            since_timed: 0,
            ticks: 0,
        }
    }

    /// What this worker knows of the targets' health, where the policy has a health gate.
    pub fn monitor(&mut self) -> Option<&mut Monitor> {
        self.health.as_mut().map(|health| &mut health.monitor)
    }
}

impl HealthRuntime {
    fn new(health: &HealthPolicy) -> Self {
        Self { monitor: Monitor::new(health), probes: Vec::new() }
    }
}
