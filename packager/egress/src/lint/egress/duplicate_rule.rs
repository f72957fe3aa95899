//! A rule repeats an earlier rule.
//!
//! The two differ only in their ID, so the second never decides anything: its counter stays at zero,
//! and editing only one of the two has no effect.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//! - id: copy
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//! - id: curl
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/curl]}}]
//! ```
//!
//! Fix: Remove the repeated rule, or write the rule that you intended.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire;
use std::collections::{HashMap, HashSet};

pub(super) const LINT: Lint = Lint { code: Code::DuplicateRule, run, source: include_str!("duplicate_rule.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (position, rule, earlier) in repetitions(&subject.egress.spec.authz.rules) {
            let message = format!("the rule {} repeats the rule {}", quoted(&rule.id), quoted(earlier));
            let path = format!("authz.rules[{position}].id");
            findings.push(subject.at(&path, message, "remove it, or write the rule that you intended"));
        }
    }
    findings
}

/// The ids of the rules that repeat earlier ones.
pub(super) fn repeated(rules: &[wire::Rule]) -> HashSet<&str> {
    repetitions(rules).into_iter().map(|(_, rule, _)| &*rule.id).collect()
}

/// Each rule that repeats an earlier one, with its position and the other's id.
fn repetitions(rules: &[wire::Rule]) -> Vec<(usize, &wire::Rule, &str)> {
    let mut first: HashMap<String, &str> = HashMap::new();
    let mut repetitions = Vec::new();
    for (position, rule) in rules.iter().enumerate() {
        let mut without_id = rule.clone();
        without_id.id.clear();
        let text = serde_json::to_string(&without_id).unwrap_or_default();
        if let Some(earlier) = first.get(&text) {
            repetitions.push((position, rule, *earlier));
        } else {
            first.insert(text, rule.id.as_str());
        }
    }
    repetitions
}
