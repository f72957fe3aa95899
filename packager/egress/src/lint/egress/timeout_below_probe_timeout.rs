//! Requests time out earlier than probes.
//!
//! An upstream that answers probes in time, but requests too late, counts as healthy: the gate stays
//! closed, and every caller waits for a timeout.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! route: {timeout: 500ms}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200, timeout: 500ms}}
//! route: {timeout: 500ms}
//! ```
//!
//! Fix: Make the probe's `timeout` no longer than the route's. A probe's default timeout is `1s`, or
//! its interval if that is shorter.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::TimeoutBelowProbeTimeout, run, source: include_str!("timeout_below_probe_timeout.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let spec = &subject.egress.spec;
        let (Some(probe), Some(timeout)) = (&spec.health.probe, &spec.route.timeout) else { continue };
        if timeout.length() < probe.effective_timeout().length() {
            let asked = probe.timeout.as_deref().map_or("up to `1s` by default".to_owned(), quoted);
            let message = format!("requests time out after {}, but probes may take {asked}", quoted(timeout));
            findings.push(subject.at("route.timeout", message, "write a shorter `health.probe.timeout`"));
        }
    }
    findings
}
