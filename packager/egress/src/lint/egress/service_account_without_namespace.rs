//! A service account is written without its namespace.
//!
//! As in Istio, it then is one of the gateway's own namespace. That is allowed, but callers seldom run
//! there: a rule that allows `api` allows no caller of that name in another namespace, and a rule that
//! denies it denies none. With its namespace, a reader of the rule need not know where the gateway runs.
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
use crate::lint::input::{Input, identities};
use crate::wording::quoted;
use sallyport_core::policy::key::IdentityField;

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
            let accounts = identities(rule, IdentityField::ServiceAccount);
            for (path, account) in accounts.filter(|(_, account)| !account.contains('/')) {
                let full = format!("{namespace}/{account}");
                let message = format!("{} is {}, in the gateway's own namespace", quoted(account), quoted(&full));
                let meant = quoted(&with_namespace(account));
                let help = format!("write {meant}, or {} if that one is meant", quoted(&full));
                findings.push(subject.at(&format!("authz.rules[{at}].{path}"), message, help));
            }
        }
    }
    findings
}

/// `NAMESPACE.ACCOUNT`, as in the names of certificates and DNS names, with the slash of a rule.
fn with_namespace(account: &str) -> String {
    match account.split_once('.') {
        Some((namespace, account)) => format!("{namespace}/{account}"),
        None => format!("NAMESPACE/{account}"),
    }
}
