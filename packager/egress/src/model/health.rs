//! `spec.health`: when requests are not sent to the upstream, and where they go instead.
//!
//! Each block has its declaration, and below it what the filter gets of it.

mod passive;
mod probe;

pub use self::passive::Passive;
pub(crate) use self::probe::ProbedUpstream;
pub use self::probe::{Expect, ExpectedHeader, Probe};

use crate::value::duration::Duration;
use crate::value::names::DnsLabel;
use sallyport_core::wire::Override;
use sallyport_core::wire::{self, Shape};
use sallyport_core::{record, words};

/// The port of the gateway's pods where the kubelet asks whether they are ready.
pub const READINESS_PORT: u16 = 8081;

record! {
    /// `spec.health`.
    pub struct Health: Default = "health" {
        /// The gateway's own requests to the upstream, which show whether it is healthy.
        "probe" probe: Option<Probe> = optional,
        /// Limits on the failures of callers' requests. With `passive`, the filter looks at every answer.
        "passive" passive: Option<Passive> = optional,
        /// The minimum time that the gate stays open.
        "hold" hold: Duration = default(Duration::of_seconds(5)),
        /// How the gate closes: the share of requests that are sent to the upstream grows.
        "slowStart" slow_start: SlowStart = default(SlowStart::default()),
        /// The answer to callers while the gate is open.
        "refusal" refusal: RefusalAnswer = default(RefusalAnswer::default()),
        /// A manual decision, in place of the gate's. The gateway continues to probe the upstream and to report its
        /// health.
        "override" force: Option<Override> = optional,
        /// Whether the gateway's pods become unready, and leave their Service, while no requests are sent to the
        /// upstream.
        "readiness" readiness: Readiness = default(Readiness::Gateway),
        /// Names of Egresses in the same namespace. While the gate is open, idempotent requests go to the upstream of
        /// the first one that is healthy.
        "failover" failover: Vec<DnsLabel> = default(Vec::new()),
    }
    instead {
        "standby" => "write `failover`",
        "outlierDetection" => "write `passive`, or `route.outlierDetection` for single addresses",
        "interval" => "write it in `probe`",
        "path" => "write it in `probe`",
        "livenessProbe" => "write `probe`",
        "readinessProbe" => "write `probe`, and `readiness: upstream`",
        "forceOpen" => "write `override: forceOpen`",
        "forceClosed" => "write `override: forceClosed`",
    }
}

impl Health {
    /// Whether there is anything that could open the gate.
    #[must_use]
    pub fn has_gate(&self) -> bool {
        self.probe.is_some() || self.passive.is_some() || self.force.is_some()
    }

    /// For the filter: the gate of an upstream, if it has one, with its standbys.
    pub(crate) fn to_wire(&self, upstream: &ProbedUpstream, standbys: Vec<wire::Standby>) -> Option<wire::Health> {
        let Self { probe, passive, hold, slow_start, refusal, force, readiness: _, failover: _ } = self;
        self.has_gate().then(|| wire::Health {
            force: *force,
            probe: probe.as_ref().map(|probe| probe.to_wire(upstream)),
            passive: passive.as_ref().map(Passive::to_wire),
            hold: hold.milliseconds(),
            slow_start: slow_start.to_wire(),
            refusal: refusal.to_wire(),
            failover: standbys,
        })
    }
}

record! {
    /// `health.slowStart`: while the gate is half-open.
    pub struct SlowStart: Default = "slowStart" {
        /// The percentage of requests that are sent to the upstream at first.
        "share" share: u32 as (Shape::Whole { least: 1, most: 100 }) = default(10),
        /// The time until all requests are sent to the upstream.
        "duration" duration: Duration = default(Duration::of_seconds(10)),
    }
}

impl SlowStart {
    fn to_wire(&self) -> wire::SlowStart {
        let Self { share, duration } = self;
        wire::SlowStart { share: *share, duration: duration.milliseconds() }
    }
}

record! {
    /// `health.refusal`: the answer to callers while the gate is open.
    pub struct RefusalAnswer: Default = "refusal" {
        /// The HTTP status. gRPC callers get the gRPC status 14 (UNAVAILABLE).
        "status" status: u32 as (Shape::Whole { least: 500, most: 599 }) = default(503),
        /// The header `retry-after`, sent in whole seconds.
        "retryAfter" retry_after: Duration = default(Duration::of_seconds(5)),
    }
}

impl RefusalAnswer {
    fn to_wire(&self) -> wire::RefusalAnswer {
        let Self { status, retry_after } = self;
        wire::RefusalAnswer { status: *status, retry_after: retry_after.milliseconds() }
    }
}

words! {
    /// `health.readiness`.
    pub enum Readiness {
        /// A pod is ready while it has its policy; while the gate is open, it refuses requests.
        "gateway" Gateway,
        /// A pod is ready while it has its policy, and requests are sent to its upstream or to a standby.
        "upstream" Upstream,
    }
}

impl Readiness {
    /// For the filter: where the kubelet asks.
    pub(crate) fn to_wire(self) -> wire::Readiness {
        wire::Readiness { port: READINESS_PORT.into(), upstream: self == Self::Upstream }
    }
}
