//! An ALLOW rule lists only exceptions.
//!
//! A source or operation with nothing but `not...` fields matches everything else, including what is
//! added later: a new path of the upstream or a new namespace in the mesh is allowed without a
//! decision.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {notPaths: [/admin]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {paths: ["/{**}"]}}]
//! - id: no-admin
//!   action: DENY
//!   to: [{operation: {paths: [/admin]}}]
//! ```
//!
//! Fix: Write an allow list, and put exceptions into a DENY rule. DENY rules are evaluated first.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire;
use serde::Serialize;
use serde_json::Value;

pub(super) const LINT: Lint = Lint { code: Code::AllowAllExcept, run, source: include_str!("allow_all_except.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule) in subject.rules(wire::Action::Allow) {
            for place in exceptions(rule) {
                let message = format!("the rule {} lists only exceptions and allows everything else", quoted(&rule.id));
                let help = "write an allow list, and put the exceptions into a rule with `action: DENY`";
                findings.push(subject.at(&format!("{path}.{place}"), message, help));
            }
        }
    }
    findings
}

fn exceptions(rule: &wire::Rule) -> Vec<String> {
    let from = rule.from.iter().flatten().enumerate();
    let sources = from.filter(|(_, from)| is_negative(&from.source)).map(|(at, _)| format!("from[{at}].source"));
    let to = rule.to.iter().flatten().enumerate();
    let operations = to.filter(|(_, to)| is_negative(&to.operation)).map(|(at, _)| format!("to[{at}].operation"));
    sources.chain(operations).collect()
}

/// Whether every field that is written begins with `not`. Absent fields are not serialized.
fn is_negative(fields: &impl Serialize) -> bool {
    let json = serde_json::to_value(fields).unwrap_or_default();
    json.as_object().is_some_and(|fields| {
        let mut written = fields.iter().filter(|(_, value)| **value != Value::Null).peekable();
        written.peek().is_some() && written.all(|(name, _)| name.starts_with("not"))
    })
}
