//! Why an upstream does not answer, in the words of Envoy and of the documentation.
//!
//! # Design
//! Envoy decides what has failed: it writes a line for each request that an upstream did not answer
//! ([`Surroundings::failure_log`](sallyport_manifest::Surroundings)). Here the line is only looked up: a cause is a row of
//! the table in `docs/troubleshooting.md`, whose second column has its text, and a test holds both together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::tail::Tail;
use crate::printable::printable;

/// Where the causes are listed with what to do.
pub(crate) const SEE: &str = "\"A caller gets 502, 503 or 504\" in docs/troubleshooting.md";

/// A request that the upstream did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamFailure {
    /// Envoy's response flags, such as `UF`.
    pub(crate) flags: String,
    /// Envoy's response code details.
    pub(crate) details: String,
    /// Why there is no connection, if that is it.
    pub(crate) transport: Option<String>,
    /// The address of the upstream, if it has one.
    pub(crate) address: Option<String>,
    /// Whether the upstream has shown its certificate.
    pub(crate) has_certificate: bool,
    /// When the request came, in milliseconds since the Unix epoch; 0 if that is not known.
    pub(crate) start: u64,
}

/// A row of the table.
struct Row {
    /// What Envoy's words have, and the row's first column.
    marker: &'static str,
    /// Whether the upstream has shown its certificate, if that matters.
    has_certificate: Option<bool>,
    /// The row's second column.
    cause: &'static str,
}

const fn row(marker: &'static str, cause: &'static str) -> Row {
    Row { marker, has_certificate: None, cause }
}

const OTHER_VERSION: &str = "the upstream speaks another version of HTTP, or takes the request for malformed";
const TOO_LATE: &str = "the upstream does not answer in time";

/// The first one counts that fits.
const ROWS: [Row; 14] = [
    row("CERTIFICATE_VERIFY_FAILED", "the upstream's certificate is not accepted"),
    row(
        "ALERT",
        "the upstream ends the TLS handshake: often it refuses the gateway's certificate, or asks for one and gets none",
    ),
    row("WRONG_VERSION_NUMBER", "the upstream does not speak TLS on this port"),
    row("Connection_refused", "nothing listens at the upstream's address and port"),
    row("connect_error", "the upstream's address cannot be reached"),
    row(
        "{remote_connection_failure}",
        "the upstream closed the connection during the TLS handshake: often it does not speak TLS on this port",
    ),
    row(
        "connection_timeout",
        "a NetworkPolicy or firewall drops the connection, or the upstream is too busy to accept it",
    ),
    row("no_healthy_upstream", "the upstream's name does not resolve, or all addresses are ejected"),
    Row {
        marker: "connection_termination",
        has_certificate: Some(true),
        cause: "the upstream closed the connection after the TLS handshake: often it refuses the gateway's certificate, or \
                asks for one and gets none, which TLS 1.3 shows only then",
    },
    Row {
        marker: "connection_termination",
        has_certificate: Some(false),
        cause: "the upstream closed the connection without a response: often it expects TLS",
    },
    row("protocol_error", OTHER_VERSION),
    row("remote_reset", OTHER_VERSION),
    row("response_timeout", TOO_LATE),
    row("per_try_timeout", TOO_LATE),
];

impl UpstreamFailure {
    /// One line of the log.
    fn parse(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        // The upstream's certificate is part of Envoy's words.
        let text = |name: &str| Some(printable(Path::new(line.get(name)?.as_str()?)));
        Some(UpstreamFailure {
            flags: text("flags")?,
            details: text("details").unwrap_or_default(),
            transport: text("transport"),
            address: text("address"),
            has_certificate: text("certificateEnds").is_some(),
            start: text("startMs").and_then(|start| start.parse().ok()).unwrap_or_default(),
        })
    }

    /// Envoy's reason.
    pub(crate) fn reason(&self) -> &str {
        self.transport.as_deref().unwrap_or(&self.details)
    }

    /// The cause in the documentation, if it has one.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        let fits = |row: &&Row| {
            (self.details.contains(row.marker) || self.reason().contains(row.marker))
                && row.has_certificate.is_none_or(|wanted| wanted == self.has_certificate)
        };
        ROWS.iter().find(fits).map(|row| row.cause)
    }
}

/// What makes one failure the same as another: everything but the address.
type Kind = (String, String, bool);

/// The failures of one gateway that are worth a line: each new kind, and not each request.
#[derive(Debug)]
pub(crate) struct Failures {
    log: Tail,
    /// The last one that was reported, and when it was last seen.
    current: Option<(Kind, Instant)>,
    /// When each was reported.
    reported: BTreeMap<Kind, Instant>,
    /// Since when the configuration is in force, in milliseconds since the Unix epoch.
    since: u64,
    /// What was reported before: Envoy writes the lines of the requests before it after it is in force, too.
    before: BTreeSet<Kind>,
}

/// Kinds that alternate are reported at this distance at most.
const PAUSE: Duration = Duration::from_secs(5);
/// A failure that was not seen for so long is new again.
const QUIET: Duration = Duration::from_secs(60);

impl Failures {
    pub(crate) fn new(log: &Path) -> Self {
        Failures { log: Tail::new(log), current: None, reported: BTreeMap::new(), since: 0, before: BTreeSet::new() }
    }

    /// What has failed since the last call, without what is known.
    pub(crate) fn read(&mut self, now: Instant) -> Vec<UpstreamFailure> {
        let lines = self.log.read();
        let failures = lines.lines().filter_map(UpstreamFailure::parse);
        failures.filter(|failure| self.is_new(failure, now)).collect()
    }

    /// The configuration is another one, so every failure of a request that comes from now on is news.
    pub(crate) fn forget(&mut self, now: SystemTime) {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.since = u64::try_from(since).unwrap_or(u64::MAX);
        self.before = std::mem::take(&mut self.reported).into_keys().collect();
        self.before.extend(self.current.take().map(|(kind, _)| kind));
    }

    fn is_new(&mut self, failure: &UpstreamFailure, now: Instant) -> bool {
        let kind = (failure.flags.clone(), failure.reason().to_owned(), failure.has_certificate);
        if failure.start < self.since {
            return self.before.insert(kind);
        }
        self.reported.retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        match &mut self.current {
            Some((known, seen)) if *known == kind && now.saturating_duration_since(*seen) < QUIET => {
                *seen = now;
                return false;
            }
            _ if self.reported.contains_key(&kind) => return false,
            current => *current = Some((kind.clone(), now)),
        }
        self.reported.insert(kind, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(flags: &str, details: &str, transport: Option<&str>, has_certificate: bool) -> UpstreamFailure {
        let text = |text: &str| text.to_owned();
        UpstreamFailure {
            flags: text(flags),
            details: text(details),
            transport: transport.map(text),
            address: None,
            has_certificate,
            start: 0,
        }
    }

    /// As Envoy 1.40 writes them.
    #[test]
    fn a_failure_has_the_cause_of_its_row() {
        let of_tls =
            |reason: &str| format!("TLS_error:|268435581:SSL_routines:OPENSSL_internal:{reason}:TLS_error_end");
        let reset = |reason: &str| format!("upstream_reset_before_response_started{{{reason}}}");
        for (flags, details, transport, has_certificate, expected) in [
            (
                "UF",
                "x",
                Some(of_tls("CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher")),
                false,
                "is not accepted",
            ),
            ("UF", "x", Some(of_tls("SSLV3_ALERT_CERTIFICATE_EXPIRED")), false, "the upstream ends the TLS handshake"),
            ("UF", "x", Some(of_tls("WRONG_VERSION_NUMBER")), false, "does not speak TLS"),
            ("UF", "x", Some("delayed_connect_error:_Connection_refused".into()), false, "nothing listens"),
            ("UF", "x", Some("immediate_connect_error:_Network_is_unreachable".into()), false, "cannot be reached"),
            ("UF", &reset("remote_connection_failure"), None, false, "during the TLS handshake"),
            ("UF", &reset("connection_timeout"), None, false, "firewall drops the connection"),
            ("UH", "no_healthy_upstream", None, false, "does not resolve"),
            ("UC", &reset("connection_termination"), None, true, "after the TLS handshake"),
            ("UC", &reset("connection_termination"), None, false, "without a response"),
            ("UPE", &reset("protocol_error"), None, false, "another version of HTTP"),
            ("UR", &reset("remote_reset"), None, false, "another version of HTTP"),
            ("UT", "response_timeout", None, false, "in time"),
            ("UT", "upstream_per_try_timeout", None, false, "in time"),
        ] {
            let failure = failure(flags, details, transport.as_deref(), has_certificate);
            assert!(
                failure.cause().is_some_and(|cause| cause.contains(expected)),
                "{failure:?}: {:?}",
                failure.cause()
            );
        }
        assert_eq!(failure("UF", "something_else", None, false).cause(), None);
    }

    #[test]
    fn every_cause_is_a_row_of_the_documentation() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/troubleshooting.md");
        let page = std::fs::read_to_string(path).unwrap();
        let heading = SEE.split('"').nth(1).unwrap();
        let section = page.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n"))).unwrap();
        for Row { marker, cause, .. } in &ROWS {
            let is_row = |line: &str| {
                let mut columns = line.split(" | ");
                columns.next().is_some_and(|seen| seen.contains(marker)) && columns.next() == Some(*cause)
            };
            assert!(section.lines().any(is_row), "{marker}: {cause}");
        }
    }

    #[test]
    fn a_line_is_parsed_or_passed_over() {
        let line =
            r#"{"address":"127.0.0.1:1","certificateEnds":null,"details":"d","flags":"UF","transport":"a\u001b[1m"}"#;
        let parsed = UpstreamFailure::parse(line).unwrap();
        assert_eq!((parsed.reason(), parsed.address.as_deref()), ("a\\u{1b}[1m", Some("127.0.0.1:1")));
        assert!(!parsed.has_certificate);
        for line in ["", "no JSON", "[]", "{}", r#"{"flags":1}"#] {
            assert_eq!(UpstreamFailure::parse(line), None, "{line}");
        }
        assert_eq!(UpstreamFailure::parse(r#"{"flags":"UF"}"#), Some(failure("UF", "", None, false)));
    }

    #[test]
    fn a_failure_is_reported_when_it_is_new() {
        let mut failures = Failures::new(Path::new("/nonexistent/log"));
        let (refused, reset) = (failure("UF", "refused", None, false), failure("UC", "reset", None, false));
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (seconds, failure, expected) in [
            (0, &refused, true),
            (1, &refused, false),
            (2, &reset, true),
            // They alternate.
            (3, &refused, false),
            (4, &reset, false),
            (5, &refused, true),
            (64, &refused, false),
            (125, &refused, true),
        ] {
            assert_eq!(failures.is_new(failure, at(seconds)), expected, "{seconds}");
        }
        failures.forget(UNIX_EPOCH + Duration::from_secs(126));
        let started = |failure: &UpstreamFailure, start: u64| UpstreamFailure { start, ..failure.clone() };
        let gone = failure("UH", "gone", None, false);
        for (failure, start, expected) in [
            // The requests before are written late, and one kind of them is news.
            (&refused, 125_999, false),
            (&gone, 125_999, true),
            (&gone, 125_999, false),
            (&refused, 126_000, true),
            (&refused, 126_001, false),
            (&refused, 125_999, false),
            (&gone, 126_002, true),
        ] {
            assert_eq!(failures.is_new(&started(failure, start), at(126)), expected, "{start}");
        }
    }
}
