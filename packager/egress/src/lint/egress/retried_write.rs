//! A request that writes may be sent to the upstream twice.
//!
//! `retryOn` repeats requests that the upstream may already have carried out: a `5xx`, a `reset` or a
//! timeout does not say what happened before it. With POST or PATCH allowed, one payment can become
//! two.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! route: {retries: {attempts: 2, retryOn: "connect-failure,5xx"}}
//! authz:
//!   rules:
//!   - id: payments
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [shop/checkout]}}]
//!     to: [{operation: {methods: [POST]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! route: {retries: {attempts: 2}}
//! authz:
//!   rules:
//!   - id: payments
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [shop/checkout]}}]
//!     to: [{operation: {methods: [POST]}}]
//! ```
//!
//! Fix: Remove `retryOn`: the default (`connect-failure,refused-stream`) repeats only requests that the
//! upstream has not seen.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint = Lint { code: Code::RetriedWrite, run, source: include_str!("retried_write.rs") };

/// Conditions under which the upstream has not seen the request.
const UNSEEN: [&str; 3] = ["connect-failure", "refused-stream", "reset-before-request"];

fn run(input: &Input<'_>) -> Vec<Finding> {
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
                "{} repeats requests that the upstream may already have carried out, and the rule {} allows writes",
                quoted(condition),
                quoted(&rule.id)
            );
            findings.push(subject.at("route.retries.retryOn", message, "remove `retryOn`"));
        }
    }
    findings
}

fn may_write(rule: &wire::Rule) -> bool {
    let Some(to) = &rule.to else { return true };
    let is_write = |method: &String| matches!(method.as_str(), "POST" | "PATCH") || method.contains('*');
    to.iter().any(|to| to.operation.methods.as_ref().is_none_or(|methods| methods.iter().any(is_write)))
}
