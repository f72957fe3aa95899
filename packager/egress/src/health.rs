//! From `spec.health` to what the filter reads.

use crate::model::health::{
    Expect, ExpectedHeader, GateRefusal, Health, Override, Passive, Probe, Readiness, SlowStart,
};
use crate::model::{Egress, READINESS_PORT};
use crate::parse::text::duration;
use sallyport_core::wire;
use std::time::Duration;

/// The gate of an Egress, if it has one. `standbys` are those of `health.failover` that are known.
pub(crate) fn health_source(egress: &Egress, standbys: &[&Egress]) -> Option<wire::Health> {
    let health = &egress.spec.health;
    let Health { probe, passive, hold, slow_start, refusal, force, readiness: _, failover: _ } = health;
    let SlowStart { share, duration } = slow_start;
    let GateRefusal { status, retry_after } = refusal;
    health.has_gate().then(|| wire::Health {
        force: force.map(|force| match force {
            Override::ForceOpen => wire::Override::ForceOpen,
            Override::ForceClosed => wire::Override::ForceClosed,
        }),
        probe: probe.as_ref().map(|probe| probe_source(egress, probe)),
        passive: passive.as_ref().map(passive_source),
        hold: milliseconds(hold),
        slow_start: wire::SlowStart { share: *share, duration: milliseconds(duration) },
        refusal: wire::RefusalAnswer { status: *status, retry_after: milliseconds(retry_after) },
        failover: standbys
            .iter()
            .map(|standby| wire::Standby {
                upstream: standby.route(),
                probe: standby.spec.health.probe.as_ref().map(|probe| probe_source(standby, probe)),
            })
            .collect(),
    })
}

/// Where the kubelet asks.
pub(crate) fn readiness_source(egress: &Egress) -> wire::Readiness {
    wire::Readiness { port: READINESS_PORT.into(), upstream: egress.spec.health.readiness == Readiness::Upstream }
}

fn probe_source(egress: &Egress, probe: &Probe) -> wire::Probe {
    let Probe { path, method, host, expect, interval, jitter, timeout: _, rise, fall } = probe;
    let Expect { statuses, header, body_prefix } = expect;
    wire::Probe {
        cluster: egress.cluster(None),
        method: method.clone(),
        host: host.clone().unwrap_or_else(|| egress.upstream_authority()),
        path: path.clone(),
        expect: wire::Expect {
            statuses: statuses.clone(),
            header: header.as_ref().map(|ExpectedHeader { name, value }| wire::ExpectedHeader {
                name: name.clone(),
                value: value.clone(),
            }),
            body_prefix: body_prefix.clone(),
        },
        interval: milliseconds(interval),
        jitter: *jitter,
        timeout: whole_milliseconds(probe_timeout(probe)),
        rise: *rise,
        fall: *fall,
    }
}

fn passive_source(passive: &Passive) -> wire::Passive {
    let Passive {
        window,
        minimum_requests,
        failure_percent,
        consecutive,
        consecutive_local,
        statuses,
        grpc_statuses,
        p95,
    } = passive;
    wire::Passive {
        window: milliseconds(window),
        minimum_requests: *minimum_requests,
        failure_percent: *failure_percent,
        consecutive: Some(*consecutive),
        consecutive_local: Some(*consecutive_local),
        statuses: statuses.clone(),
        grpc_statuses: grpc_statuses.clone(),
        p95: p95.as_deref().map(milliseconds),
    }
}

/// After which a probe has failed.
pub(crate) fn probe_timeout(probe: &Probe) -> Duration {
    match &probe.timeout {
        Some(timeout) => duration::parse(timeout).unwrap_or_default(),
        None => duration::parse(&probe.interval).unwrap_or_default().min(Duration::from_secs(1)),
    }
}

/// A duration that the table has let through, so that it is one.
fn milliseconds(text: &str) -> u32 {
    whole_milliseconds(duration::parse(text).unwrap_or_default())
}

/// Longer ones than the wire can say the core refuses.
fn whole_milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
