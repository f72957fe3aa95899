//! The health gate: whether the upstream is asked, and who is asked instead.
//!
//! # Design
//!
//! `gate` is the state of one upstream and the steps it takes; all VMs of an Envoy share it as bytes ([`Plan`]).
//! [`Monitor`] is what one VM keeps: what it saw since it last told the others, and what it last heard from them. So a
//! request costs a look at memory ([`Monitor::admit`]); the host is asked on ticks alone. Nothing here reads a clock:
//! times are milliseconds since the epoch, and may go backwards.

mod compile;
mod gate;
mod lease;
mod monitor;
mod probe;
mod record;
mod statuses;
mod window;

pub use gate::{Cause, Change, Phase};
pub use monitor::{Admission, Monitor, Plan, Step};
pub use probe::{Probe, ProbeFailure, Reply, is_gateways_own, status};
pub use statuses::Statuses;
pub use window::Outcome;

use crate::wire;
pub(crate) use compile::{check_readiness, compile};
pub(crate) use monitor::MAX_TARGETS;

/// Whether a request may be sent to another upstream: it is idempotent (RFC 9110, 9.2.2).
#[must_use]
pub fn is_idempotent(method: &[u8]) -> bool {
    [&b"GET"[..], b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"].contains(&method)
}

/// The path of the kubelet's question.
pub const READY_PATH: &str = "/sallyport/ready";

/// A gate and its standbys, compiled.
#[derive(Debug, PartialEq, Eq)]
pub struct Health {
    /// Somebody has decided.
    pub(crate) force: Option<wire::Override>,
    /// The upstream, then its standbys in order.
    pub(crate) targets: Vec<Target>,
    /// HTTP status of a refusal.
    pub(crate) refusal_status: u16,
    /// Whole seconds.
    pub(crate) retry_after: u32,
}

/// Somebody who can be asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// `NAMESPACE/NAME`, the mark of its route.
    pub(crate) upstream: Box<str>,
    pub(crate) limits: Limits,
}

/// When a target is well.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) probe: Option<Probe>,
    pub(crate) passive: Option<Passive>,
    /// In ms.
    pub(crate) hold: u32,
    /// In ms.
    pub(crate) slow_start: u32,
    /// In percent.
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

impl Health {
    /// Every target's name, the upstream's first.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.iter().map(|target| &*target.upstream)
    }

    /// What is asked of a target.
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

    /// Whether answers of a target are looked at.
    #[must_use]
    pub fn watches(&self, target: usize) -> bool {
        self.targets.get(target).is_some_and(|target| target.limits.passive.is_some())
    }

    /// The status and the seconds that a refused caller is told.
    #[must_use]
    pub fn refusal(&self) -> (u16, u32) {
        (self.refusal_status, self.retry_after)
    }

    /// Reads what a caller got: the answer's status, its gRPC status where it is a gRPC answer, whether it is Envoy's own,
    /// and the upstream's time in ms.
    #[must_use]
    pub fn outcome(&self, target: usize, status: u16, grpc: Option<u32>, own: bool, time: Option<u32>) -> Outcome {
        let Some(passive) = self.targets.get(target).and_then(|target| target.limits.passive.as_ref()) else {
            return Outcome::Success(None);
        };
        let failed = match grpc {
            Some(grpc) => passive.grpc_statuses.contains(&grpc),
            None => passive.statuses.contains(status),
        };
        match (failed, own && (status >= 500 || grpc.is_some_and(|grpc| grpc != 0))) {
            (_, true) => Outcome::LocalFailure,
            (true, false) => Outcome::Failure,
            (false, false) => Outcome::Success(time),
        }
    }

    /// Whether the upstream's own time matters.
    #[must_use]
    pub fn needs_time(&self, target: usize) -> bool {
        let passive = self.targets.get(target).and_then(|target| target.limits.passive.as_ref());
        passive.is_some_and(|passive| passive.p95.is_some())
    }
}
