//! One probe: what is asked, and what the answer means.

use std::fmt;

use super::statuses::Statuses;
use crate::request::pairs::Pair;

/// What is asked of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Envoy's cluster.
    pub cluster: Box<str>,
    /// `GET` or `HEAD`.
    pub method: Box<str>,
    /// `:authority`.
    pub host: Box<str>,
    /// `:path`.
    pub path: Box<str>,
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

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// It could not be sent: no healthy host, no such cluster.
    Unsent,
    /// An answer, Envoy's own included. No headers: it failed later than at once.
    Answer {
        /// All headers.
        headers: &'a [Pair<'a>],
        /// The beginning of the body, as much of it as [`Probe::body_needed`] says.
        body: &'a [u8],
    },
}

/// Why a probe is a failed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeFailure {
    /// The upstream could not be reached, or did not answer in time.
    Unreachable,
    /// The upstream answered with another status.
    Status(u16),
    /// The header is not there, or has another value.
    Header,
    /// The body begins otherwise.
    Body,
}

impl fmt::Display for ProbeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("unreachable"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Header => f.write_str("another header"),
            Self::Body => f.write_str("another body"),
        }
    }
}

impl Probe {
    /// How many bytes of the body matter.
    #[must_use]
    pub fn body_needed(&self) -> usize {
        self.body_prefix.as_ref().map_or(0, |prefix| prefix.len())
    }

    /// What the upstream's state makes of a reply.
    ///
    /// # Errors
    ///
    /// Why it is a failure.
    pub fn judge(&self, reply: &Reply<'_>) -> Result<(), ProbeFailure> {
        let Reply::Answer { headers, body } = reply else { return Err(ProbeFailure::Unreachable) };
        let Some(status) = status(headers) else { return Err(ProbeFailure::Unreachable) };
        if !self.statuses.contains(status) {
            let own = status >= 500 && is_gateways_own(headers);
            return Err(if own { ProbeFailure::Unreachable } else { ProbeFailure::Status(status) });
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

    /// When the next probe is due: never later than the interval, and never before this one has timed out.
    pub(super) fn next(&self, now: u64, random: u32) -> u64 {
        let early = u64::from(self.interval).saturating_mul(u64::from(self.jitter)) / 100;
        let early = early.saturating_mul(u64::from(random)) >> 32;
        let wait = u64::from(self.interval).saturating_sub(early).max(u64::from(self.timeout));
        now.saturating_add(wait)
    }
}

/// `:status`.
#[must_use]
pub fn status(headers: &[Pair<'_>]) -> Option<u16> {
    let (_, value) = headers.iter().find(|(name, _)| *name == b":status")?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether Envoy itself has answered: only what came from an upstream tells the upstream's time.
#[must_use]
pub fn is_gateways_own(headers: &[Pair<'_>]) -> bool {
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
            method: "GET".into(),
            host: "h".into(),
            path: "/".into(),
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
    fn the_next_one_is_early_by_chance_and_never_late() {
        let mut probe = probe();
        assert_eq!(probe.next(100, 0), 5_100);
        assert_eq!(probe.next(100, u32::MAX), 4_601);
        probe.timeout = 5_000;
        assert_eq!(probe.next(100, u32::MAX), 5_100);
        assert_eq!(probe.next(u64::MAX, 0), u64::MAX);
    }
}
