//! Clients outside the mesh see which rule refused them.
//!
//! `authz.discloseRule` puts the rule's ID into the response. That helps to debug callers in the mesh,
//! but it also shows clients that come in through `expose` how the policy is built, and which of their
//! attempts came closer.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! expose: {host: httpbin.example.com, credentialName: cert}
//! authz: {discloseRule: true, rules: []}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! expose: {host: httpbin.example.com, credentialName: cert}
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//! ```
//!
//! Fix: Remove `discloseRule`: logs and metrics have the ID in any case.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::RuleDisclosedOutside, run, source: include_str!("rule_disclosed_outside.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let exposed = input.egresses.iter().filter(|subject| subject.egress.spec.expose.is_some());
    let disclosing = exposed.filter(|subject| subject.egress.spec.authz.disclose_rule);
    let message = "clients outside the mesh see which rule refused them";
    disclosing
        .map(|subject| subject.at("authz.discloseRule", message, "remove it: logs and metrics have the ID in any case"))
        .collect()
}
