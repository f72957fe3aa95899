//! A rule never decides, because others decide every request that it matches.
//!
//! DENY rules come before ALLOW rules, and among rules of one action the first that matches decides. A
//! rule whose requests are all decided by others has no effect: its counter stays at zero, and changing
//! it changes nothing. Patterns are compared by the requests that they match, not by their text.
//!
//! Rules in shadow mode are not judged while others are in force: shadow mode is for trying a narrower
//! rule beside the one that it will replace.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {paths: ["/status/*"]}}]
//! - id: status
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {methods: [GET], paths: ["/status/{*}"]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {paths: ["/status/*"]}}]
//! ```
//!
//! Fix: Remove the rule, or narrow the rules that come before it. `sallyport query --unreachable` lists
//! all rules that never decide.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, is_on_trial};
use crate::meaning::Idle;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::RuleHidden, run, source: include_str!("rule_hidden.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule, why) in subject.idle_rules() {
            let Idle::Hidden(others) = why else { continue };
            if is_on_trial(rule, subject.egress) {
                continue;
            }
            let names: Vec<String> = others.iter().map(|other| quoted(other)).collect();
            let by = match names.split_last() {
                None => continue,
                Some((one, [])) => format!("the rule {one} decides"),
                Some((last, rest)) => format!("the rules {} and {last} together decide", rest.join(", ")),
            };
            let message = format!("the rule {} never decides: {by} every request that it matches", quoted(&rule.id));
            let help = if others.len() == 1 {
                "remove it, or narrow the other rule"
            } else {
                "remove it, or narrow the other rules"
            };
            findings.push(subject.at(&format!("{path}.id"), message, help));
        }
    }
    findings
}
