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

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::RetriesDistortProbe, run, source: include_str!("retries_distort_probe.rs") };

/// Conditions under which Envoy repeats a request that the upstream failed to answer.
const AFTER_FAILURE: [&str; 7] = [
    "gateway-error",
    "reset",
    "retriable-status-codes",
    "unavailable",
    "deadline-exceeded",
    "resource-exhausted",
    "internal",
];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let spec = &subject.egress.spec;
        let is_checked = spec.health.probe.is_some() || spec.health.passive.is_some();
        let Some(retries) = spec.route.retries.as_ref().filter(|retries| is_checked && retries.attempts > 0) else {
            continue;
        };
        if let Some(condition) = retries.retry_on.split(',').map(str::trim).find(repeats_failures) {
            let times = retries.attempts.saturating_add(1);
            let message = format!(
                "with {}, an unhealthy upstream gets up to {times} requests where the gate counts one failure",
                quoted(condition)
            );
            findings.push(subject.at("route.retries.retryOn", message, "remove `retryOn`"));
        }
    }
    findings
}

/// Includes `5xx` and single statuses such as `503`.
fn repeats_failures(condition: &&str) -> bool {
    AFTER_FAILURE.contains(condition) || condition.starts_with('5')
}
