//! The health gate: whether the upstream gets requests, and which standby gets them instead.
//!
//! # Design
//!
//! `gate` is the state of one target and its transitions; all VMs of an Envoy share it as a record of bytes
//! ([`RecordUpdate`]). [`Monitor`] is what one VM keeps: what it saw since it last wrote the record, and the record as it
//! last read it. So a request costs a read of memory ([`Monitor::admit`]), and the host is called on ticks only. Nothing
//! here reads a clock: times are milliseconds since the epoch, and may go backwards.

mod checker;
mod compile;
mod gate;
mod lease;
mod monitor;
mod probe;
mod record;
mod statuses;
mod window;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use gate::{Cause, Change, Phase};
pub use monitor::{Admission, Monitor, NewRecord, RecordUpdate};
pub use probe::{Probe, ProbeFailure, Reply};
pub use statuses::Statuses;
pub use window::Outcome;

use crate::wire;
pub(crate) use compile::{check_readiness, compile};
pub(crate) use monitor::{MAX_TARGETS, first_record};

/// Whether a request may be sent to another upstream: it is idempotent (RFC 9110, 9.2.2).
#[must_use]
pub fn is_idempotent(method: &[u8]) -> bool {
    [&b"GET"[..], b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"].contains(&method)
}

/// The path of the kubelet's readiness probe.
pub const READY_PATH: &str = "/sallyport/ready";

/// The health settings of a policy, compiled: the gate of the upstream, and its standbys.
#[derive(Debug, PartialEq, Eq)]
pub struct HealthPolicy {
    /// The gate is overridden by the file.
    pub(crate) force: Option<wire::Override>,
    /// The upstream, then its standbys in order.
    pub(crate) targets: Vec<Target>,
    /// HTTP status of a refusal.
    pub(crate) refusal_status: u16,
    /// `Retry-After` of a refusal, in whole seconds.
    pub(crate) retry_after: u32,
}

/// The upstream or a standby, as the gate counts them.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// `NAMESPACE/NAME`: the value of the route header that leads to it.
    pub(crate) upstream: Box<str>,
    pub(crate) limits: Limits,
}

/// When a target is healthy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) probe: Option<Probe>,
    pub(crate) passive: Option<Passive>,
    /// How long the gate stays open at least, in ms.
    pub(crate) hold: u32,
    /// How long the gate stays half-open, in ms.
    pub(crate) slow_start: u32,
    /// The share of requests when it becomes half-open, in percent.
    pub(crate) share: u32,
}

/// Limits on what callers get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passive {
    pub(crate) window: u32,
    pub(crate) minimum_requests: u32,
    pub(crate) failure_percent: Option<u32>,
    pub(crate) consecutive: Option<u32>,
    pub(crate) consecutive_local: Option<u32>,
    pub(crate) statuses: Statuses,
    pub(crate) grpc_statuses: Vec<u32>,
    pub(crate) p95: Option<u32>,
}

impl HealthPolicy {
    /// Every target's name, the upstream's first.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.iter().map(|target| &*target.upstream)
    }

    /// The probe of a target.
    #[must_use]
    pub fn probe(&self, target: usize) -> Option<&Probe> {
        self.targets.get(target)?.limits.probe.as_ref()
    }

    /// The key of a target's record among the data that all VMs share: Istio gives every plugin of a gateway one space.
    #[must_use]
    pub fn key(&self, target: usize) -> String {
        let [upstream, target] = [0, target].map(|target| self.targets().nth(target).unwrap_or_default());
        format!("sallyport/health/1/{upstream}/{target}")
    }

    /// Whether answers of a target are counted.
    #[must_use]
    pub fn watches(&self, target: usize) -> bool {
        self.targets.get(target).is_some_and(|target| target.limits.passive.is_some())
    }

    /// The status and the `Retry-After` of a refusal while the gate is open.
    #[must_use]
    pub fn refusal(&self) -> (u16, u32) {
        (self.refusal_status, self.retry_after)
    }

    /// What an answer counts as: its status, its gRPC status where it is a gRPC answer, whether Envoy made it itself, and
    /// how long the upstream took in ms.
    #[must_use]
    pub fn outcome(
        &self,
        target: usize,
        status: u16,
        grpc: Option<u32>,
        is_envoys: bool,
        time: Option<u32>,
    ) -> Outcome {
        let Some(passive) = self.targets.get(target).and_then(|target| target.limits.passive.as_ref()) else {
            return Outcome::Success(None);
        };
        let failed = match grpc {
            Some(grpc) => passive.grpc_statuses.contains(&grpc),
            None => passive.statuses.contains(status),
        };
        match (failed, is_envoys && is_error(status, grpc)) {
            // Whatever statuses the file counts: they are about answers of the upstream, and this is none.
            (_, true) => Outcome::LocalFailure,
            (true, false) => Outcome::Failure,
            (false, false) => Outcome::Success(time),
        }
    }

    /// Whether it matters how long the upstream took.
    #[must_use]
    pub fn needs_time(&self, target: usize) -> bool {
        let passive = self.targets.get(target).and_then(|target| target.limits.passive.as_ref());
        passive.is_some_and(|passive| passive.p95.is_some())
    }
}

/// Whether a status, or the gRPC status of an answer that has one, is an error of the server's side.
pub(crate) fn is_error(status: u16, grpc: Option<u32>) -> bool {
    status >= 500 || grpc.is_some_and(|grpc| grpc != 0)
}
