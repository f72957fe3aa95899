//! A rule has a method that HTTP does not have.
//!
//! Any word can be a method, so a misspelt one is accepted, and no request has it: the rule never matches
//! such requests.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {methods: [GTE]}}]
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
//! Fix: Correct the method. If the upstream does have one of its own, leave the rule as it is.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::method::METHODS;
use crate::wording::did_you_mean;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::UnknownMethod, run, source: include_str!("unknown_method.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (rule, at) in subject.egress.spec.authz.rules.iter().zip(0..) {
            for (to, entry) in rule.to.iter().flatten().enumerate() {
                let lists = [("methods", &entry.operation.methods), ("notMethods", &entry.operation.not_methods)];
                for (field, methods) in lists {
                    for (position, method) in methods.iter().flatten().enumerate() {
                        if method.contains('*') || METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) {
                            continue;
                        }
                        let message = format!("{} is not a method of HTTP", quoted(method));
                        let help = match did_you_mean(method, METHODS.iter().copied()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => {
                                "write a method such as `GET` or `POST`, or leave it if the upstream has it".to_owned()
                            }
                        };
                        let path = format!("authz.rules[{at}].to[{to}].operation.{field}[{position}]");
                        findings.push(subject.at(&path, message, help));
                    }
                }
            }
        }
    }
    findings
}
