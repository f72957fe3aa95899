//! From the wire shape to the health settings, or every problem in it.

use super::monitor::MAX_TARGETS;
use super::probe::Probe;
use super::statuses::Statuses;
use super::{HealthPolicy, Limits, Passive, Target};
use crate::dns;
use crate::problem::{Flaw, Place, PolicyCode, Problems};
use crate::request::is_token_byte;
use crate::wire;

/// Longest `bodyPrefix`, in bytes: a whole body is buffered for it.
const MAX_BODY_PREFIX: usize = 1024;
/// Longest time, in ms: a day.
const MAX_TIME: u32 = 86_400_000;
/// Shortest time from probe to probe, in ms: the VMs renew and check the lease at this pace.
const MIN_INTERVAL: u32 = 100;

/// Compiles `health`; what is wrong goes to `problems`.
pub(crate) fn compile(upstream: &str, source: &wire::Health, problems: &mut Problems) -> HealthPolicy {
    let wire::Health { force, probe, passive, hold, slow_start, refusal, failover } = source;
    let place = &Place::Field("health");
    let mut compiler = Compiler { problems };
    let wire::SlowStart { share, duration } = slow_start;
    compiler.within(&place.field("slowStart").field("share"), *share, 1, 100);
    compiler.time_within(&place.field("slowStart").field("duration"), *duration, 0);
    compiler.time_within(&place.field("hold"), *hold, 0);
    let wire::RefusalAnswer { status, retry_after } = refusal;
    compiler.within(&place.field("refusal").field("status"), *status, 500, 599);
    compiler.time_within(&place.field("refusal").field("retryAfter"), *retry_after, 0);
    let limits = |probe, passive| Limits { probe, passive, hold: *hold, slow_start: *duration, share: *share };
    let probe = probe.as_ref().map(|probe| compiler.probe(&place.field("probe"), probe));
    let passive = passive.as_ref().map(|passive| compiler.passive(&place.field("passive"), passive));
    if let (Some(probe), Some(passive)) = (&probe, &passive) {
        compiler.check_common(&place.field("passive").field("statuses"), &probe.statuses, &passive.statuses);
    }
    let watched = passive.clone();
    let mut targets = vec![Target { upstream: upstream.into(), limits: limits(probe, passive) }];
    let list = &place.field("failover");
    for (position, standby) in failover.iter().enumerate() {
        let place = &list.item(position);
        let wire::Standby { upstream: name, probe } = standby;
        compiler.check_standby(place, name, &targets);
        let probe = probe.as_ref().map(|probe| compiler.probe(&place.field("probe"), probe));
        targets.push(Target { upstream: name.as_str().into(), limits: limits(probe, watched.clone()) });
    }
    if targets.len() > MAX_TARGETS {
        let flaw = Flaw::new(
            PolicyCode::Limit,
            format_args!("{} standbys are written, but at most 7 are allowed", failover.len()),
        );
        compiler.report(list, flaw);
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
    Compiler { problems }.within(&place.field("port"), source.port, 1, 65535);
}

struct Compiler<'p> {
    problems: &'p mut Problems,
}

impl Compiler<'_> {
    fn report(&mut self, place: &Place<'_>, flaw: Flaw) {
        self.problems.report(place, flaw);
    }

    fn within(&mut self, place: &Place<'_>, number: u32, least: u32, most: u32) {
        if !(least..=most).contains(&number) {
            let flaw = Flaw::new(PolicyCode::HealthNumber, format_args!("{number} is out of range"))
                .help(format_args!("write a number from {least} to {most}"));
            self.report(place, flaw);
        }
    }

    /// Checks a time in ms.
    fn time_within(&mut self, place: &Place<'_>, time: u32, least: u32) {
        if !(least..=MAX_TIME).contains(&time) {
            let flaw = Flaw::new(PolicyCode::HealthNumber, format_args!("{time} ms is out of range"));
            let flaw = match time > MAX_TIME {
                true => flaw.help(format_args!("write a duration of 24 h or less")),
                false => flaw.help(format_args!("write a duration of {least} ms or more")),
            };
            self.report(place, flaw);
        }
    }

    fn probe(&mut self, place: &Place<'_>, source: &wire::Probe) -> Probe {
        let wire::Probe { cluster, method, host, path, expect, interval, jitter, timeout, rise, fall } = source;
        self.time_within(&place.field("interval"), *interval, MIN_INTERVAL);
        self.within(&place.field("jitter"), *jitter, 0, 100);
        self.time_within(&place.field("timeout"), *timeout, 1);
        self.within(&place.field("rise"), *rise, 1, 1000);
        self.within(&place.field("fall"), *fall, 1, 1000);
        if timeout > interval {
            let flaw = Flaw::new(
                PolicyCode::HealthClash,
                format_args!("the probe's timeout ({timeout} ms) is longer than its interval ({interval} ms)"),
            )
            .help(format_args!("write a shorter `timeout` or a longer `interval`"));
            self.report(&place.field("timeout"), flaw);
        }
        if !matches!(method.as_str(), "GET" | "HEAD") {
            let flaw = Flaw::new(PolicyCode::Method, format_args!("a probe cannot use the method `{method}`"))
                .help(format_args!("write `GET` or `HEAD`: a probe must not change anything"));
            self.report(&place.field("method"), flaw);
        }
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !path.starts_with('/') || !visible(path) || path.contains('#') {
            let flaw = Flaw::new(PolicyCode::Path, format_args!("`{path}` is not a path"))
                .help(format_args!("begin it with `/`, and percent-encode everything but visible ASCII"));
            self.report(&place.field("path"), flaw);
        }
        for (name, text) in [("host", host), ("cluster", cluster)] {
            if text.is_empty() || !visible(text) {
                let flaw = Flaw::new(PolicyCode::Host, format_args!("`{text}` is not a {name}"))
                    .help(format_args!("write a name in visible ASCII"));
                self.report(&place.field(name), flaw);
            }
        }
        let wire::Expect { statuses, header, body_prefix } = expect;
        let place = &place.field("expect");
        self.check_expected(place, method, expect);
        Probe {
            cluster: cluster.as_str().into(),
            method: method.as_str().into(),
            host: host.as_str().into(),
            path: path.as_str().into(),
            timeout: *timeout,
            statuses: self.statuses(&place.field("statuses"), statuses),
            header: header.as_ref().map(|header| (header.name.as_str().into(), header.value.as_str().into())),
            body_prefix: body_prefix.as_deref().map(Into::into),
            interval: *interval,
            jitter: *jitter,
            rise: *rise,
            fall: *fall,
        }
    }

    fn check_expected(&mut self, place: &Place<'_>, method: &str, expect: &wire::Expect) {
        if let Some(header) = &expect.header {
            let good = |byte: u8| is_token_byte(byte) && !byte.is_ascii_uppercase();
            if header.name.is_empty() || !header.name.bytes().all(good) {
                let flaw =
                    Flaw::new(PolicyCode::HealthExpect, format_args!("`{}` is not the name of a header", header.name))
                        .help(format_args!("write it in lower case"));
                self.report(&place.field("header").field("name"), flaw);
            }
            if header.value.chars().any(char::is_control) || header.value.trim_ascii() != header.value {
                let flaw = Flaw::new(
                    PolicyCode::HealthExpect,
                    format_args!("no header can have the value `{}`", header.value.escape_default()),
                )
                .help(format_args!("write it without control characters, and without spaces at its ends"));
                self.report(&place.field("header").field("value"), flaw);
            }
        }
        let Some(prefix) = &expect.body_prefix else { return };
        let (wrong, help) = if prefix.is_empty() {
            ("it is empty, and matches every body", "leave it out")
        } else if prefix.len() > MAX_BODY_PREFIX {
            ("it is longer than 1024 bytes", "write a shorter beginning of a good body")
        } else if method == "HEAD" {
            ("an answer to HEAD has no body", "write `method: GET`, or leave it out")
        } else {
            return;
        };
        let flaw = Flaw::new(PolicyCode::HealthExpect, format_args!("{wrong}")).help(format_args!("{help}"));
        self.report(&place.field("bodyPrefix"), flaw);
    }

    fn passive(&mut self, place: &Place<'_>, source: &wire::Passive) -> Passive {
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
        self.time_within(&place.field("window"), *window, 100);
        self.within(&place.field("minimumRequests"), *minimum_requests, 1, u32::MAX);
        for (name, number, most) in [
            ("failurePercent", failure_percent, 100),
            ("consecutive", consecutive, 1_000_000),
            ("consecutiveLocal", consecutive_local, 1_000_000),
        ] {
            if let Some(number) = number {
                self.within(&place.field(name), *number, 1, most);
            }
        }
        if let Some(p95) = p95 {
            self.time_within(&place.field("p95"), *p95, 1);
        }
        for (position, status) in grpc_statuses.iter().enumerate() {
            self.within(&place.field("grpcStatuses").item(position), *status, 1, 16);
        }
        if [failure_percent, consecutive, consecutive_local, p95].iter().all(|limit| limit.is_none()) {
            let flaw = Flaw::new(PolicyCode::HealthExpect, format_args!("`passive` has no limit"))
                .help(format_args!("write `consecutive`, `consecutiveLocal`, `failurePercent` or `p95`"));
            self.report(place, flaw);
        }
        Passive {
            window: *window,
            minimum_requests: *minimum_requests,
            failure_percent: *failure_percent,
            consecutive: *consecutive,
            consecutive_local: *consecutive_local,
            statuses: self.statuses(&place.field("statuses"), statuses),
            grpc_statuses: grpc_statuses.clone(),
            p95: *p95,
        }
    }

    fn statuses(&mut self, place: &Place<'_>, texts: &[String]) -> Statuses {
        let mut statuses = Statuses::default();
        for (position, text) in texts.iter().enumerate() {
            if let Err(flaw) = statuses.add(text) {
                self.report(&place.item(position), flaw);
            }
        }
        if texts.is_empty() {
            let flaw = Flaw::new(PolicyCode::EmptyList, format_args!("the list is empty"))
                .help(format_args!("write an entry, or leave the field out"));
            self.report(place, flaw);
        }
        statuses
    }

    fn check_common(&mut self, place: &Place<'_>, good: &Statuses, bad: &Statuses) {
        if let Some(status) = good.common(bad) {
            let flaw = Flaw::new(
                PolicyCode::HealthClash,
                format_args!("the status {status} is both a good answer to a probe and a failure of a request"),
            )
            .help(format_args!("remove it here, or from `probe.expect.statuses`"));
            self.report(place, flaw);
        }
    }

    fn check_standby(&mut self, place: &Place<'_>, name: &str, others: &[Target]) {
        if !dns::is_namespaced(name) {
            let flaw = Flaw::new(PolicyCode::Standby, format_args!("`{name}` does not name an upstream"))
                .help(format_args!("write `NAMESPACE/NAME`"));
            self.report(place, flaw);
        }
        if let Some(position) = others.iter().position(|other| &*other.upstream == name) {
            let word = if position == 0 { "is the upstream itself" } else { "is named twice" };
            let flaw = Flaw::new(PolicyCode::Standby, format_args!("the standby `{name}` {word}"))
                .help(format_args!("name another upstream, or remove it"));
            self.report(place, flaw);
        }
    }
}
