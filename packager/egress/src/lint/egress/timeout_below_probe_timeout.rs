//! A request is given up before a probe would be.
//!
//! An upstream that answers probes within their time, and requests not within theirs, is well as far as the probe can tell:
//! the gate stays closed, and every caller waits for a time-out.
//!
//! Let the probe's `timeout` be no longer than the route's.

use crate::health::probe_timeout;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;
use crate::parse::text::duration;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let spec = &subject.egress.spec;
        let (Some(probe), Some(timeout)) = (&spec.health.probe, &spec.route.timeout) else { continue };
        if duration::parse(timeout).is_some_and(|timeout| timeout < probe_timeout(probe)) {
            let asked = probe.timeout.as_deref().map_or("by default up to `1s`".to_owned(), quoted);
            let message = format!("requests are given up after {}, and probes may take {asked}", quoted(timeout));
            findings.push(subject.at("route.timeout", message, "write a shorter `health.probe.timeout`"));
        }
    }
    findings
}
