//! A service account is written without its namespace.
//!
//! It then is one of the gateway's own namespace, where callers seldom run: a rule that allows `api` allows
//! no caller of that name in another namespace, and a rule that denies it denies none.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [sleep]}}]
//!   to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [shop/sleep]}}]
//!   to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Fix: Write `NAMESPACE/ACCOUNT`, also if it is the gateway's own namespace.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint {
    code: Code::ServiceAccountWithoutNamespace,
    run,
    source: include_str!("service_account_without_namespace.rs"),
};

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let namespace = &subject.egress.namespace;
        for (rule, at) in subject.egress.spec.authz.rules.iter().zip(0..) {
            for (from, entry) in rule.from.iter().flatten().enumerate() {
                let source = &entry.source;
                let lists = [
                    ("serviceAccounts", &source.service_accounts),
                    ("notServiceAccounts", &source.not_service_accounts),
                ];
                for (field, accounts) in lists {
                    let accounts = accounts.iter().flatten().enumerate();
                    for (position, account) in accounts.filter(|(_, account)| !account.contains('/')) {
                        let full = format!("{namespace}/{account}");
                        let message =
                            format!("{} is {}, in the gateway's own namespace", quoted(account), quoted(&full));
                        let help = format!("write `NAMESPACE/{account}`, or {} if that one is meant", quoted(&full));
                        let path = format!("authz.rules[{at}].from[{from}].source.{field}[{position}]");
                        findings.push(subject.at(&path, message, help));
                    }
                }
            }
        }
    }
    findings
}
