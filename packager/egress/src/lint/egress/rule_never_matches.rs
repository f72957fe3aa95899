//! A rule matches no request.
//!
//! Its parts contradict each other, so it never allows, denies or records anything: a path is listed in
//! `paths` and in `notPaths`, two conditions demand different values of one header, or a pattern only
//! fits paths that are refused as ambiguous before rules are read. The message names the part without
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
use crate::lint::input::Input;
use crate::meaning::Idle;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::RuleNeverMatches, run, source: include_str!("rule_never_matches.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule, why) in subject.idle_rules(input) {
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
    }
    findings
}
