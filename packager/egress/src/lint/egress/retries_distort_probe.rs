//! Retries send more load to an unhealthy upstream, and delay the health gate.
//!
//! `retryOn` with `5xx`, `gateway-error` or a timeout repeats requests that the upstream has just
//! failed to answer, so it gets several times the load when it can handle the least. The gate sees only
//! the last answer: it counts one failure for all attempts together, and opens later.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! route: {retries: {attempts: 2, retryOn: "connect-failure,503"}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! route: {retries: {attempts: 2}}
//! ```
//!
//! Fix: Remove `retryOn`: the default (`connect-failure,refused-stream`) repeats only requests that the
//! upstream has not seen.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

/// Conditions by which Envoy repeats what the upstream has failed to do.
const ILL: [&str; 7] = [
    "gateway-error",
    "reset",
    "retriable-status-codes",
    "unavailable",
    "deadline-exceeded",
    "resource-exhausted",
    "internal",
];

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let spec = &subject.egress.spec;
        let watched = spec.health.probe.is_some() || spec.health.passive.is_some();
        let Some(retries) = spec.route.retries.as_ref().filter(|retries| watched && retries.attempts > 0) else {
            continue;
        };
        if let Some(condition) = retries.retry_on.split(',').map(str::trim).find(is_of_the_ill) {
            let times = retries.attempts.saturating_add(1);
            let message =
                format!("by {} an ill upstream is asked {times} times what the gate counts once", quoted(condition));
            findings.push(subject.at("route.retries.retryOn", message, "leave `retryOn` out"));
        }
    }
    findings
}

/// `5xx` and the statuses of it, too.
fn is_of_the_ill(condition: &&str) -> bool {
    ILL.contains(condition) || condition.starts_with('5')
}
