//! Changes of the upstream's health, as the filter writes them to Envoy's log.

use std::path::Path;

use super::log::filter_line;
use crate::local::tail::Tail;

/// One change of the health gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthChange {
    /// `NAMESPACE/NAME`.
    pub(crate) upstream: String,
    /// `closed`, `half-open` or `open`.
    pub(crate) from: String,
    pub(crate) to: String,
    /// How long the previous state lasted.
    pub(crate) milliseconds: u64,
    pub(crate) cause: String,
}

impl HealthChange {
    /// `health of NAMESPACE/NAME: closed -> open, after 5000 ms: 3 failed probes, the last: status 503`.
    fn parse(line: &str) -> Option<Self> {
        let (upstream, rest) = filter_line(line)?.strip_prefix("health of ")?.split_once(": ")?;
        let (phases, rest) = rest.split_once(", after ")?;
        let (from, to) = phases.split_once(" -> ")?;
        let (milliseconds, cause) = rest.split_once(" ms: ")?;
        Some(HealthChange {
            upstream: upstream.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            milliseconds: milliseconds.parse().ok()?,
            cause: cause.to_owned(),
        })
    }
}

/// Reads the changes from a growing log.
#[derive(Debug)]
pub(crate) struct HealthChanges {
    log: Tail,
}

impl HealthChanges {
    /// From the beginning of the log.
    pub(crate) fn new(log: &Path) -> Self {
        HealthChanges { log: Tail::new(log) }
    }

    /// The changes since the last call.
    pub(crate) fn read(&mut self) -> Vec<HealthChange> {
        self.log.read().lines().filter_map(HealthChange::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LINE: &str = "[2026-11-25 17:50:19.515][8764][warning][wasm] [source/extensions/common/wasm/context.cc:1154] \
                        wasm log httpbin.httpbin httpbin/httpbin: health of httpbin/httpbin: closed -> open, after \
                        5000 ms: 3 failed probes, the last: status 503\n";

    #[test]
    fn a_change_is_reported_once_and_completely() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let mut changes = HealthChanges::new(log.path());
        assert_eq!(changes.read(), []);
        let (begun, rest) = LINE.split_at(150);
        log.write_all(b"no log line\n").unwrap();
        log.write_all(begun.as_bytes()).unwrap();
        assert_eq!(changes.read(), []);
        log.write_all(rest.as_bytes()).unwrap();
        let change = HealthChange {
            upstream: "httpbin/httpbin".into(),
            from: "closed".into(),
            to: "open".into(),
            milliseconds: 5000,
            cause: "3 failed probes, the last: status 503".into(),
        };
        assert_eq!((changes.read(), changes.read()), (vec![change], vec![]));
    }

    #[test]
    fn other_lines_are_no_changes() {
        for line in [
            "",
            &LINE.replace("][wasm]", "][main]"),
            &LINE.replace("wasm log ", "says "),
            &LINE.replace("health of ", "health by "),
            &LINE.replace(" -> ", " to "),
            &LINE.replace("5000", "many"),
            &LINE.replace(" ms: ", " s: "),
        ] {
            assert_eq!(HealthChange::parse(line.trim_end()), None, "{line}");
        }
        assert_eq!(HealthChanges::new(Path::new("/nonexistent/log")).read(), []);
    }
}
