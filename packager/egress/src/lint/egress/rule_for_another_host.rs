//! A rule is for a host that no request has.
//!
//! At the gateway every request has `spec.host` or one of `spec.aliases`: callers in the mesh use them,
//! and the ingress gateway rewrites every exposed host to `spec.host`. A rule whose `hosts` include none
//! of them never matches, so it allows or denies nothing.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! host: httpbin.internal
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!     to: [{operation: {hosts: [httpbin.example.com]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! host: httpbin.internal
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!     to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Fix: Remove `hosts`. To distinguish clients from outside the mesh, check their token.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::authority::Authority;
use crate::value::host::Host;
use crate::wording::{either, quoted};

pub(super) const LINT: Lint =
    Lint { code: Code::RuleForAnotherHost, run, source: include_str!("rule_for_another_host.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let own: Vec<_> = subject.egress.hosts().map(Host::authority).collect();
        for (position, rule) in subject.egress.spec.authz.rules.iter().enumerate() {
            for (at, to) in rule.to.iter().flatten().enumerate() {
                let Some(hosts) = to
                    .operation
                    .hosts
                    .as_ref()
                    .filter(|hosts| !hosts.iter().any(|one| own.iter().any(|host| matches(one, host))))
                else {
                    continue;
                };
                let named = hosts.first().map(String::as_str).unwrap_or_default();
                let message = format!(
                    "the rule {} is for the host {}, but every request here has {}",
                    quoted(&rule.id),
                    quoted(named),
                    either(own.iter().map(Authority::as_str))
                );
                let path = format!("authz.rules[{position}].to[{at}].operation.hosts");
                findings.push(subject.at(&path, message, "remove `hosts`"));
            }
        }
    }
    findings
}

/// Whether a host pattern of the policy matches the host with any port.
fn matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let name = match pattern.rsplit_once(':') {
        Some((name, port)) if port == "*" || port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => pattern.as_str(),
    };
    let name = name.trim_end_matches('.');
    match (name.strip_prefix('*'), name.strip_suffix('*')) {
        (Some(suffix), _) => host.ends_with(suffix),
        (None, Some(prefix)) => host.starts_with(prefix),
        (None, None) => name == host,
    }
}
