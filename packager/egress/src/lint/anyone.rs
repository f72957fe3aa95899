//! An ALLOW rule does not ask who the caller is.
//!
//! It has no `from`, or a `from` that no certificate or token has to pass: whoever reaches the gateway may, even without
//! mutual TLS and without a token. An IP address is no identity: pods share and inherit addresses.
//!
//! Write whom you mean: `from: [{source: {serviceAccounts: [NAMESPACE/ACCOUNT]}}]`. If you do mean everyone with an
//! identity of the mesh, write `principals: ["*"]`.

use super::{Finding, Input};
use crate::parse::suggest::quoted;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule) in subject.rules(wire::Action::Allow) {
            if !asks_who(rule) {
                let message = format!("the rule {} allows callers without any identity", quoted(&rule.id));
                let help = "write `from` with `serviceAccounts`, or with `principals: [\"*\"]` for everyone in the mesh";
                findings.push(subject.at(&format!("{path}.id"), message, help));
            }
        }
    }
    findings
}

fn asks_who(rule: &wire::Rule) -> bool {
    let sources = rule.from.as_deref().unwrap_or_default();
    let conditions = rule.when.as_deref().unwrap_or_default();
    (!sources.is_empty() && sources.iter().all(|from| has_identity(&from.source))) || conditions.iter().any(is_identity)
}

fn has_identity(source: &wire::Source) -> bool {
    let fields = [
        &source.principals,
        &source.request_principals,
        &source.namespaces,
        &source.service_accounts,
        &source.trust_domains,
    ];
    fields.iter().any(|field| field.is_some())
}

fn is_identity(condition: &wire::Condition) -> bool {
    let about_caller = matches!(topic_of(&condition.key), Some(Topic::Caller | Topic::Token));
    about_caller && (condition.values.is_some() || condition.regex.is_some())
}
