//! A rule matches no request.
//!
//! Its parts contradict each other, so it never allows, denies or records anything: a path is listed in
//! `paths` and in `notPaths`, two conditions demand different values of one header, or a pattern only
//! fits paths that are refused as ambiguous before rules are read. So is a source of an ALLOW rule with
//! `notRequestPrincipals: ["*"]`: without a token such an exception does not let a caller through, and
//! with one the caller is the exception. The message names the part without
//! which the rule would match, if there is one.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {paths: ["/get"], notPaths: ["/*"]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {paths: ["/get"]}}]
//! ```
//!
//! Fix: Correct the part that contradicts the rest, or remove the rule.

use super::grpc_rule_without_post;
use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Subject};
use crate::meaning::Idle;
use crate::wording::quoted;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;

pub(super) const LINT: Lint = Lint { code: Code::RuleNeverMatches, run, source: include_str!("rule_never_matches.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule, why) in subject.idle_rules() {
            // A lint of its own says more.
            if grpc_rule_without_post::excludes_post(rule) {
                continue;
            }
            let id = quoted(&rule.id);
            let (place, message, help) = match why {
                Idle::Nothing(Some(part)) => {
                    let message = format!("the rule {id} matches no request: without `{part}` it would");
                    (part.as_str(), message, "correct what contradicts the rest, or remove the rule")
                }
                Idle::Nothing(None) => {
                    let message = format!("the rule {id} matches no request: its parts contradict each other");
                    ("id", message, "correct what contradicts the rest, or remove the rule")
                }
                Idle::Ambiguous => {
                    let message = format!("the rule {id} matches only requests that are refused as ambiguous");
                    ("id", message, "write patterns that fit requests in their ordinary form, or remove the rule")
                }
                Idle::Same(_) | Idle::Hidden(_) => continue,
            };
            findings.push(subject.at(&format!("{path}.{place}"), message, help));
        }
        findings.extend(without_caller(subject));
    }
    findings
}

/// Sources and conditions of ALLOW rules that exclude everyone: whoever has no name is not let through by an exception.
fn without_caller(subject: &Subject<'_>) -> Vec<Finding> {
    let idle: Vec<&str> = subject.idle_rules().map(|(_, rule, _)| rule.id.as_str()).collect();
    let rules = subject.rules(wire::Action::Allow).filter(|(_, rule)| !idle.contains(&rule.id.as_str()));
    let excluding = |(path, rule): (String, &wire::Rule)| {
        let all = |list: &Option<Vec<String>>| list.iter().flatten().any(|pattern| pattern == "*");
        let sources = rule.from.iter().flatten().enumerate().filter_map(|(at, from)| {
            let source = &from.source;
            let fields = [
                ("notPrincipals", &source.not_principals),
                ("notRequestPrincipals", &source.not_request_principals),
                ("notNamespaces", &source.not_namespaces),
                ("notTrustDomains", &source.not_trust_domains),
            ];
            let (field, _) = fields.into_iter().find(|(_, list)| all(list))?;
            Some((format!("from[{at}].source.{field}"), field))
        });
        let conditions = rule.when.iter().flatten().enumerate().filter(|(_, condition)| {
            all(&condition.not_values) && matches!(topic_of(&condition.key), Some(Topic::Caller | Topic::Token))
        });
        let conditions = conditions.map(|(at, _)| (format!("when[{at}].notValues"), "notValues"));
        let finding = |(place, field): (String, &str)| {
            let message = format!(
                "in the rule {} `{field}: [\"*\"]` lets no request through: a caller without such a name is refused, and \
                 one with it is an exception",
                quoted(&rule.id)
            );
            subject.at(&format!("{path}.{place}"), message, "remove it, or write a rule with `action: DENY`")
        };
        sources.chain(conditions).map(finding).collect::<Vec<_>>()
    };
    rules.flat_map(excluding).collect()
}
