//! An ALLOW rule does not check who the caller is.
//!
//! It has no `from`, or a `from` that requires neither a certificate nor a token. Any client that
//! reaches the gateway may send the request, even without mutual TLS and without a token. An IP address
//! is not an identity: pods share and inherit addresses. A rule with exceptions alone, such as
//! `notPrincipals`, does require one: in an ALLOW rule a caller without a name is no exception.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Fix: Name the callers in `from`. If you do mean every workload with an identity in the mesh, write
//! `principals: ["*"]`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::AllowWithoutIdentity, run, source: include_str!("allow_without_identity.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule) in subject.rules(wire::Action::Allow) {
            if !checks_identity(rule) {
                let message = format!("the rule {} allows callers without any identity", quoted(&rule.id));
                let help = "name the callers in `from`, or write `principals: [\"*\"]` for every workload in the mesh";
                findings.push(subject.at(&format!("{path}.id"), message, help));
            }
        }
    }
    findings
}

fn checks_identity(rule: &wire::Rule) -> bool {
    let sources = rule.from.as_deref().unwrap_or_default();
    let conditions = rule.when.as_deref().unwrap_or_default();
    (!sources.is_empty() && sources.iter().all(|from| has_identity(&from.source))) || conditions.iter().any(is_identity)
}

fn has_identity(source: &wire::Source) -> bool {
    // In an ALLOW rule a missing name is no exception, so the fields with `not` need one, too.
    let fields = [
        &source.principals,
        &source.not_principals,
        &source.request_principals,
        &source.not_request_principals,
        &source.namespaces,
        &source.not_namespaces,
        &source.service_accounts,
        &source.not_service_accounts,
        &source.trust_domains,
        &source.not_trust_domains,
    ];
    fields.iter().any(|field| field.is_some())
}

fn is_identity(condition: &wire::Condition) -> bool {
    matches!(topic_of(&condition.key), Some(Topic::Caller | Topic::Token))
}
