//! Two rules match exactly the same requests.
//!
//! They have the same action and different IDs, and say the same in different words. Only the first
//! ever decides, so editing the second has no effect, and editing the first leaves the second in force.
//! SP2103 is about rules that are repeated word for word.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: no-debug
//!   action: DENY
//!   to: [{operation: {methods: [GET, HEAD], paths: ["/debug"]}}]
//! - id: no-debug-pages
//!   action: DENY
//!   to:
//!   - operation: {methods: [HEAD], paths: ["/debug"]}
//!   - operation: {methods: [GET], paths: ["/debug"]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: no-debug
//!   action: DENY
//!   to: [{operation: {methods: [GET, HEAD], paths: ["/debug"]}}]
//! ```
//!
//! Fix: Keep one of the two, or write the rule that you intended.

use super::duplicate_rule;
use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, is_on_trial};
use crate::meaning::Idle;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::RulesOfOneMeaning, run, source: include_str!("rules_of_one_meaning.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let mut texts: Option<HashSet<&str>> = None;
        for (path, rule, why) in subject.idle_rules() {
            let Idle::Same(other) = why else { continue };
            let repeated = texts.get_or_insert_with(|| duplicate_rule::repeated(&subject.egress.spec.authz.rules));
            let is_repeated = repeated.contains(&*rule.id);
            if is_repeated || is_on_trial(rule, subject.egress) {
                continue;
            }
            let message =
                format!("the rule {} matches the same requests as the rule {}", quoted(&rule.id), quoted(other));
            findings.push(subject.at(
                &format!("{path}.id"),
                message,
                "keep one of them, or write the rule that you intended",
            ));
        }
    }
    findings
}
