//! An AuthorizationPolicy lists the paths that are not allowed.
//!
//! One resource has many paths: `/admin`, `//admin`, `/admin;x`, `/%61dmin`, `/x/%2e%2e/admin`. By
//! default Istio normalises only some of them before it matches, and an upstream that normalises more
//! serves what the policy was meant to deny.
//!
//! Bad:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: no-admin, namespace: egress}
//! spec:
//!   action: DENY
//!   rules: [{to: [{operation: {paths: [/admin]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: readers, namespace: egress}
//! spec:
//!   action: ALLOW
//!   rules: [{to: [{operation: {paths: [/get]}}]}]
//! ```
//!
//! Fix: Write the paths that are allowed, in a policy with `action: ALLOW` and `paths`.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::DenyByPath, run, source: include_str!("deny_by_path.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in input.set.of(Kind::AuthorizationPolicy) {
        let (field, message) = match policy.spec().text_at(&["action"]) {
            Some("DENY") => ("paths", "another spelling of the path is not denied"),
            None | Some("ALLOW") => ("notPaths", "another spelling of the path is allowed"),
            Some(_) => continue,
        };
        let operations = policy.spec().items_at(&["rules"]).iter().flat_map(|rule| rule.items_at(&["to"]));
        for paths in operations.filter_map(|to| to.descend(&["operation", field])) {
            findings.push(finding(policy.file, paths, message, "allow by path instead: `action: ALLOW` and `paths`"));
        }
    }
    findings
}
