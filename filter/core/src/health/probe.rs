//! One probe: what the policy says, the request, and what the reply means.

use alloc::boxed::Box;
use core::fmt;

use super::checker::Checker;
use super::statuses::Statuses;
use crate::problem::{Flaw, Place, PolicyCode};
use crate::request::is_token_byte;
use crate::request::pairs::Pair;
use crate::request::value;
use crate::text::Escaped;
use crate::wire;

/// Longest `bodyPrefix`, in bytes: a whole body is buffered for it.
const MAX_BODY_PREFIX: usize = 1024;
/// Shortest time from probe to probe, in ms: the VMs renew and check the lease at this pace.
const MIN_INTERVAL: u32 = 100;

/// The request that shows whether a target is healthy, and the reply that it must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Envoy's cluster.
    pub cluster: Box<str>,
    /// `:scheme`.
    pub scheme: wire::Scheme,
    /// `GET` or `HEAD`.
    pub method: Box<str>,
    /// `:authority`.
    pub host: Box<str>,
    /// `:path`.
    pub path: Box<str>,
    /// `user-agent`.
    pub user_agent: Box<str>,
    /// In ms.
    pub timeout: u32,
    pub(super) statuses: Statuses,
    pub(super) header: Option<(Box<str>, Box<str>)>,
    pub(super) body_prefix: Option<Box<str>>,
    pub(super) interval: u32,
    pub(super) jitter: u32,
    pub(super) rise: u32,
    pub(super) fall: u32,
}

/// The reply to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The probe could not be sent: no healthy host, no such cluster.
    Unsent,
    /// An answer, Envoy's own included. Without headers: the probe was sent, and failed later.
    Answer {
        /// All headers.
        headers: &'a [Pair<'a>],
        /// The first [`Probe::body_needed`] bytes of the body.
        body: &'a [u8],
    },
}

/// Why a probe failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeFailure {
    /// The upstream could not be reached, or did not answer in time.
    Unreachable,
    /// The upstream answered with another status.
    Status(u16),
    /// The expected header is missing, or has another value.
    Header,
    /// The body begins differently.
    Body,
}

impl fmt::Display for ProbeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("unreachable"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Header => f.write_str("unexpected header"),
            Self::Body => f.write_str("unexpected body"),
        }
    }
}

impl Probe {
    /// Compiles `probe`.
    pub(super) fn compile(checker: &mut Checker<'_>, place: &Place<'_>, source: &wire::Probe) -> Self {
        let wire::Probe {
            cluster,
            scheme,
            method,
            host,
            path,
            user_agent,
            expect,
            interval,
            jitter,
            timeout,
            rise,
            fall,
        } = source;
        checker.time_within(&place.field("interval"), *interval, MIN_INTERVAL);
        checker.within(&place.field("jitter"), *jitter, 0, 100);
        checker.time_within(&place.field("timeout"), *timeout, 1);
        checker.within(&place.field("rise"), *rise, 1, 1000);
        checker.within(&place.field("fall"), *fall, 1, 1000);
        if timeout > interval {
            let flaw = Flaw::new(
                PolicyCode::HealthClash,
                format_args!("the probe's timeout ({timeout} ms) is longer than its interval ({interval} ms)"),
            )
            .help(format_args!("write a shorter `timeout` or a longer `interval`"));
            checker.report(&place.field("timeout"), flaw);
        }
        if !matches!(method.as_str(), "GET" | "HEAD") {
            let flaw = Flaw::new(PolicyCode::Method, format_args!("a probe cannot use the method `{method}`"))
                .help(format_args!("write `GET` or `HEAD`: a probe must not change anything"));
            checker.report(&place.field("method"), flaw);
        }
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !path.starts_with('/') || !visible(path) || path.contains('#') {
            let flaw = Flaw::new(PolicyCode::Path, format_args!("`{path}` is not a path"))
                .help(format_args!("begin it with `/`, and percent-encode everything but visible ASCII"));
            checker.report(&place.field("path"), flaw);
        }
        for (name, text) in [("host", host), ("cluster", cluster)] {
            if text.is_empty() || !visible(text) {
                let flaw = Flaw::new(PolicyCode::Host, format_args!("`{text}` is not a {name}"))
                    .help(format_args!("write a name in visible ASCII"));
                checker.report(&place.field(name), flaw);
            }
        }
        if let Err(flaw) = value::check(user_agent) {
            checker.report(&place.field("userAgent"), flaw);
        }
        let wire::Expect { statuses, header, body_prefix } = expect;
        let place = &place.field("expect");
        check_expected(checker, place, method, expect);
        Self {
            cluster: cluster.as_str().into(),
            scheme: *scheme,
            method: method.as_str().into(),
            host: host.as_str().into(),
            path: path.as_str().into(),
            user_agent: user_agent.as_str().into(),
            timeout: *timeout,
            statuses: checker.statuses(&place.field("statuses"), statuses),
            header: header.as_ref().map(|header| (header.name.as_str().into(), header.value.as_str().into())),
            body_prefix: body_prefix.as_deref().map(Into::into),
            interval: *interval,
            jitter: *jitter,
            rise: *rise,
            fall: *fall,
        }
    }

    /// The headers of the request.
    #[must_use]
    pub fn headers(&self) -> [(&str, &str); 5] {
        [
            (":method", &self.method),
            (":scheme", self.scheme.as_str()),
            (":path", &self.path),
            (":authority", &self.host),
            ("user-agent", &self.user_agent),
        ]
    }

    /// How many bytes of the body are compared; none where the body does not matter.
    #[must_use]
    pub fn body_needed(&self) -> Option<usize> {
        self.body_prefix.as_ref().map(|prefix| prefix.len())
    }

    /// Whether a reply shows that the target is healthy.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn judge(&self, reply: &Reply<'_>) -> Result<(), ProbeFailure> {
        let Reply::Answer { headers, body } = reply else { return Err(ProbeFailure::Unreachable) };
        let Some(status) = status(headers) else { return Err(ProbeFailure::Unreachable) };
        if !self.statuses.contains(status) {
            // An answer that Envoy made itself says that the upstream was not reached, and its status is Envoy's choice.
            let is_envoys = status >= 500 && is_envoys_own(headers);
            return Err(if is_envoys { ProbeFailure::Unreachable } else { ProbeFailure::Status(status) });
        }
        let has = |(name, value): &(Box<str>, Box<str>)| {
            headers.iter().any(|(key, found)| *key == name.as_bytes() && *found == value.as_bytes())
        };
        if !self.header.as_ref().is_none_or(has) {
            return Err(ProbeFailure::Header);
        }
        match &self.body_prefix {
            Some(prefix) if !body.starts_with(prefix.as_bytes()) => Err(ProbeFailure::Body),
            _ => Ok(()),
        }
    }

    /// When the next probe is due: at the interval or, by chance, up to `jitter` percent earlier, so that gateways that
    /// started together do not probe together; and never before this one has timed out.
    pub(super) fn next(&self, now: u64, random: u32) -> u64 {
        let early = u64::from(self.interval).saturating_mul(u64::from(self.jitter)) / 100;
        let early = early.saturating_mul(u64::from(random)) >> 32;
        let wait = u64::from(self.interval).saturating_sub(early).max(u64::from(self.timeout));
        now.saturating_add(wait)
    }
}

fn check_expected(checker: &mut Checker<'_>, place: &Place<'_>, method: &str, expect: &wire::Expect) {
    if let Some(header) = &expect.header {
        let good = |byte: u8| is_token_byte(byte) && !byte.is_ascii_uppercase();
        if header.name.is_empty() || !header.name.bytes().all(good) {
            let flaw =
                Flaw::new(PolicyCode::HealthExpect, format_args!("`{}` is not the name of a header", header.name))
                    .help(format_args!("write it in lower case"));
            checker.report(&place.field("header").field("name"), flaw);
        }
        if header.value.chars().any(char::is_control) || header.value.trim_ascii() != header.value {
            let flaw = Flaw::new(
                PolicyCode::HealthExpect,
                format_args!("no header can have the value `{}`", Escaped(&header.value)),
            )
            .help(format_args!("write it without control characters, and without spaces at its ends"));
            checker.report(&place.field("header").field("value"), flaw);
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
    checker.report(&place.field("bodyPrefix"), flaw);
}

/// `:status`.
fn status(headers: &[Pair<'_>]) -> Option<u16> {
    let (_, value) = headers.iter().find(|(name, _)| *name == b":status")?;
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether Envoy itself has answered: it adds the upstream's time to answers of upstreams only.
fn is_envoys_own(headers: &[Pair<'_>]) -> bool {
    headers.iter().all(|(name, _)| *name != b"x-envoy-upstream-service-time")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn probe() -> Probe {
        let mut statuses = Statuses::default();
        statuses.add("200-299").unwrap();
        Probe {
            cluster: "c".into(),
            scheme: wire::Scheme::Https,
            method: "GET".into(),
            host: "h".into(),
            path: "/".into(),
            user_agent: wire::Probe::USER_AGENT.into(),
            timeout: 1_000,
            statuses,
            header: Some(("x-well".into(), "yes".into())),
            body_prefix: Some("ok".into()),
            interval: 5_000,
            jitter: 10,
            rise: 2,
            fall: 3,
        }
    }

    #[test]
    fn answers() {
        let probe = probe();
        let judge = |headers: &[Pair<'_>], body: &[u8]| probe.judge(&Reply::Answer { headers, body });
        let upstream: Pair<'_> = (b"x-envoy-upstream-service-time", b"1");
        let well: Pair<'_> = (b"x-well", b"yes");
        assert_eq!(judge(&[(b":status", b"204"), well], b"ok, all of it"), Ok(()));
        assert_eq!(judge(&[(b":status", b"204"), (b"x-well", b"no"), well], b"ok"), Ok(()));
        assert_eq!(judge(&[(b":status", b"204"), (b"x-well", b"no")], b"ok"), Err(ProbeFailure::Header));
        assert_eq!(judge(&[(b":status", b"200"), well], b"o"), Err(ProbeFailure::Body));
        assert_eq!(judge(&[(b":status", b"503"), upstream, well], b"ok"), Err(ProbeFailure::Status(503)));
        assert_eq!(judge(&[(b":status", b"404"), well], b"ok"), Err(ProbeFailure::Status(404)));
        assert_eq!(judge(&[(b":status", b"503"), well], b"ok"), Err(ProbeFailure::Unreachable));
        assert_eq!(judge(&[], b""), Err(ProbeFailure::Unreachable));
        for status in [&b""[..], b"\xff", b"99999"] {
            assert_eq!(judge(&[(b":status", status)], b""), Err(ProbeFailure::Unreachable));
        }
        assert_eq!(probe.judge(&Reply::Unsent), Err(ProbeFailure::Unreachable));
    }

    #[test]
    fn the_next_probe_may_be_early_and_is_never_late() {
        let mut probe = probe();
        assert_eq!(probe.next(100, 0), 5_100);
        assert_eq!(probe.next(100, u32::MAX), 4_601);
        probe.timeout = 5_000;
        assert_eq!(probe.next(100, u32::MAX), 5_100);
        assert_eq!(probe.next(u64::MAX, 0), u64::MAX);
    }
}
