//! From the wire shape to the health settings, or every problem in it.

use super::checker::Checker;
use super::monitor::MAX_TARGETS;
use super::probe::Probe;
use super::statuses::Statuses;
use super::{HealthPolicy, Limits, Passive, Target};
use crate::dns;
use crate::problem::{Flaw, Place, PolicyCode, Problems};
use crate::wire;

/// Compiles `health`; what is wrong goes to `problems`.
#[inline(never)]
pub(crate) fn compile(upstream: &str, source: &wire::Health, problems: &mut Problems) -> HealthPolicy {
    let wire::Health { force, probe, passive, hold, slow_start, refusal, failover } = source;
    let place = &Place::Field("health");
    let mut checker = Checker { problems };
    let wire::SlowStart { share, duration } = slow_start;
    checker.within(&place.field("slowStart").field("share"), *share, 1, 100);
    checker.time_within(&place.field("slowStart").field("duration"), *duration, 0);
    checker.time_within(&place.field("hold"), *hold, 0);
    let wire::RefusalAnswer { status, retry_after } = refusal;
    checker.within(&place.field("refusal").field("status"), *status, 500, 599);
    checker.time_within(&place.field("refusal").field("retryAfter"), *retry_after, 0);
    let limits = |probe, passive| Limits { probe, passive, hold: *hold, slow_start: *duration, share: *share };
    let probe = probe.as_ref().map(|probe| Probe::compile(&mut checker, &place.field("probe"), probe));
    let passive = passive.as_ref().map(|passive| compile_passive(&mut checker, &place.field("passive"), passive));
    if let (Some(probe), Some(passive)) = (&probe, &passive) {
        check_common(&mut checker, &place.field("passive").field("statuses"), &probe.statuses, &passive.statuses);
    }
    let watched = passive.clone();
    let mut targets = vec![Target { upstream: upstream.into(), limits: limits(probe, passive) }];
    let list = &place.field("failover");
    for (position, standby) in failover.iter().enumerate() {
        let place = &list.item(position);
        let wire::Standby { upstream: name, probe } = standby;
        check_standby(&mut checker, place, name, &targets);
        let probe = probe.as_ref().map(|probe| Probe::compile(&mut checker, &place.field("probe"), probe));
        targets.push(Target { upstream: name.as_str().into(), limits: limits(probe, watched.clone()) });
    }
    if targets.len() > MAX_TARGETS {
        let flaw = Flaw::new(
            PolicyCode::Limit,
            format_args!("{} standbys are written, but at most 7 are allowed", failover.len()),
        );
        checker.report(list, flaw);
    }
    HealthPolicy {
        force: *force,
        targets,
        refusal_status: u16::try_from(*status).unwrap_or(503),
        retry_after: retry_after.div_ceil(1000),
    }
}

/// Checks `readiness`.
pub(crate) fn check_readiness(source: &wire::Readiness, problems: &mut Problems) {
    let place = &Place::Field("readiness");
    Checker { problems }.within(&place.field("port"), source.port, 1, 65535);
}

fn compile_passive(checker: &mut Checker<'_>, place: &Place<'_>, source: &wire::Passive) -> Passive {
    let wire::Passive {
        window,
        minimum_requests,
        failure_percent,
        consecutive,
        consecutive_local,
        statuses,
        grpc_statuses,
        p95,
    } = source;
    checker.time_within(&place.field("window"), *window, 100);
    checker.within(&place.field("minimumRequests"), *minimum_requests, 1, u32::MAX);
    for (name, number, most) in [
        ("failurePercent", failure_percent, 100),
        ("consecutive", consecutive, 1_000_000),
        ("consecutiveLocal", consecutive_local, 1_000_000),
    ] {
        if let Some(number) = number {
            checker.within(&place.field(name), *number, 1, most);
        }
    }
    if let Some(p95) = p95 {
        checker.time_within(&place.field("p95"), *p95, 1);
    }
    for (position, status) in grpc_statuses.iter().enumerate() {
        checker.within(&place.field("grpcStatuses").item(position), *status, 1, 16);
    }
    if [failure_percent, consecutive, consecutive_local, p95].iter().all(|limit| limit.is_none()) {
        let flaw = Flaw::new(PolicyCode::HealthExpect, format_args!("`passive` has no limit"))
            .help(format_args!("write `consecutive`, `consecutiveLocal`, `failurePercent` or `p95`"));
        checker.report(place, flaw);
    }
    Passive {
        window: *window,
        minimum_requests: *minimum_requests,
        failure_percent: *failure_percent,
        consecutive: *consecutive,
        consecutive_local: *consecutive_local,
        statuses: checker.statuses(&place.field("statuses"), statuses),
        grpc_statuses: grpc_statuses.clone(),
        p95: *p95,
    }
}

fn check_common(checker: &mut Checker<'_>, place: &Place<'_>, good: &Statuses, bad: &Statuses) {
    if let Some(status) = good.common(bad) {
        let flaw = Flaw::new(
            PolicyCode::HealthClash,
            format_args!("the status {status} is both a good answer to a probe and a failure of a request"),
        )
        .help(format_args!("remove it here, or from `probe.expect.statuses`"));
        checker.report(place, flaw);
    }
}

fn check_standby(checker: &mut Checker<'_>, place: &Place<'_>, name: &str, others: &[Target]) {
    if !dns::is_namespaced(name) {
        let flaw = Flaw::new(PolicyCode::Standby, format_args!("`{name}` does not name an upstream"))
            .help(format_args!("write `NAMESPACE/NAME`"));
        checker.report(place, flaw);
    }
    if let Some(position) = others.iter().position(|other| &*other.upstream == name) {
        let word = if position == 0 { "is the upstream itself" } else { "is named twice" };
        let flaw = Flaw::new(PolicyCode::Standby, format_args!("the standby `{name}` {word}"))
            .help(format_args!("name another upstream, or remove it"));
        checker.report(place, flaw);
    }
}
