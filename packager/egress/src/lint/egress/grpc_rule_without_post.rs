//! A rule allows gRPC calls by another method than POST.
//!
//! A gRPC call is always a POST, and all parts of an `operation` must match. So an ALLOW rule with `grpc`
//! and with `methods` that exclude POST never matches: it allows nothing.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: ledger.example.com, port: 443, protocol: http2}
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!     to: [{operation: {methods: [GET], grpc: [ledger.v1.Accounts/Get]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: ledger.example.com, port: 443, protocol: http2}
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!     to: [{operation: {grpc: [ledger.v1.Accounts/Get]}}]
//! ```
//!
//! Fix: Remove `methods`. For requests that are not gRPC, write another entry of `to`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::GrpcRuleWithoutPost, run, source: include_str!("grpc_rule_without_post.rs") };

const POST: &str = "POST";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule) in subject.rules(wire::Action::Allow) {
            for (at, to) in rule.to.iter().flatten().enumerate().filter(|(_, to)| to.operation.grpc.is_some()) {
                let Some(field) = excluding(&to.operation) else { continue };
                let message = format!("the rule {} has `grpc`, but its `{field}` excludes POST", quoted(&rule.id));
                let help = format!("remove `{field}`: a gRPC call is always a POST");
                findings.push(subject.at(&format!("{path}.to[{at}].operation.{field}"), message, help));
            }
        }
    }
    findings
}

/// Whether an operation of the rule is found here.
pub(super) fn excludes_post(rule: &wire::Rule) -> bool {
    let mut calls = rule.to.iter().flatten().filter(|to| to.operation.grpc.is_some());
    rule.action == wire::Action::Allow && calls.any(|to| excluding(&to.operation).is_some())
}

/// The field that excludes POST.
fn excluding(operation: &wire::Operation) -> Option<&'static str> {
    let includes_post = |list: &Vec<String>| list.iter().any(|method| matches(method));
    if operation.methods.as_ref().is_some_and(|list| !includes_post(list)) {
        Some("methods")
    } else if operation.not_methods.as_ref().is_some_and(includes_post) {
        Some("notMethods")
    } else {
        None
    }
}

/// Whether a pattern of the policy matches POST.
fn matches(pattern: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => POST.ends_with(suffix),
        (None, Some(prefix)) => POST.starts_with(prefix),
        (None, None) => pattern == POST,
    }
}
