//! A request that writes may be sent to the upstream twice.
//!
//! `retryOn` repeats requests that the upstream may have carried out already: a `5xx`, a `reset` or a time-out says
//! nothing of what happened before it. With POST or PATCH allowed, or every method, one payment can become two.
//!
//! Leave `retryOn` out: the default (`connect-failure,refused-stream`) repeats only what the upstream has not seen.

use super::{Finding, Input};
use crate::parse::suggest::quoted;
use sallyport_core::wire;

/// Conditions under which the upstream has not seen the request.
const UNSEEN: [&str; 3] = ["connect-failure", "refused-stream", "reset-before-request"];

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(retries) = subject.egress.spec.route.retries.as_ref().filter(|retries| retries.attempts > 0) else {
            continue;
        };
        let Some(condition) = retries.retry_on.split(',').map(str::trim).find(|word| !UNSEEN.contains(word)) else {
            continue;
        };
        if let Some((_, rule)) = subject.rules(wire::Action::Allow).find(|(_, rule)| may_write(rule)) {
            let message = format!(
                "{} repeats requests that the upstream may have carried out, and the rule {} allows writes",
                quoted(condition),
                quoted(&rule.id)
            );
            findings.push(subject.at("route.retries.retryOn", message, "leave `retryOn` out"));
        }
    }
    findings
}

fn may_write(rule: &wire::Rule) -> bool {
    let Some(to) = &rule.to else { return true };
    let is_write = |method: &String| matches!(method.as_str(), "POST" | "PATCH") || method.contains('*');
    to.iter().any(|to| to.operation.methods.as_ref().is_none_or(|methods| methods.iter().any(is_write)))
}
