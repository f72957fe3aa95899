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
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::DuplicateRule, run, source: include_str!("duplicate_rule.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let mut first: HashMap<String, &str> = HashMap::new();
        for (position, rule) in subject.egress.spec.authz.rules.iter().enumerate() {
            let mut without_id = rule.clone();
            without_id.id.clear();
            let text = serde_json::to_string(&without_id).unwrap_or_default();
            if let Some(earlier) = first.get(&text) {
                let message = format!("the rule {} repeats the rule {}", quoted(&rule.id), quoted(earlier));
                let path = format!("authz.rules[{position}].id");
                findings.push(subject.at(&path, message, "remove it, or write the rule that you intended"));
            } else {
                first.insert(text, rule.id.as_str());
            }
        }
    }
    findings
}
