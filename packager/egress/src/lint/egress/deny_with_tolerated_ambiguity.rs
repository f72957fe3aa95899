//! A DENY rule names paths while `authz.tolerate` lets ambiguous paths through.
//!
//! A tolerated path is matched byte for byte, but the upstream may read it as another path:
//! `/admin%2Fx` does not match a rule that denies `/admin/{**}`, and some servers answer it as
//! `/admin/x`. An ALLOW rule is not affected, because it names what it lets through.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! authz:
//!   tolerate: [escapedSlash]
//!   rules:
//!   - id: no-admin
//!     action: DENY
//!     to: [{operation: {paths: ["/admin/{**}"]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! authz:
//!   rules:
//!   - id: no-admin
//!     action: DENY
//!     to: [{operation: {paths: ["/admin/{**}"]}}]
//! ```
//!
//! Fix: Remove `tolerate`, or allow by path and remove the DENY rule.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::DenyWithToleratedAmbiguity, run, source: include_str!("deny_with_tolerated_ambiguity.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let about_paths = |kind: &wire::Ambiguity| {
            !matches!(kind, wire::Ambiguity::UnderscoreHeader | wire::Ambiguity::AmbiguousQuery)
        };
        if !subject.egress.spec.authz.tolerate.iter().any(about_paths) {
            continue;
        }
        for (path, rule) in subject.rules(wire::Action::Deny).filter(|(_, rule)| names_paths(rule)) {
            let message = format!("a path that `tolerate` lets through can bypass the rule {}", quoted(&rule.id));
            let help = "remove `tolerate`, or allow by path and remove this rule";
            findings.push(subject.at(&format!("{path}.id"), message, help));
        }
    }
    findings
}

fn names_paths(rule: &wire::Rule) -> bool {
    let operations = rule.to.iter().flatten().map(|to| &to.operation);
    operations.into_iter().any(|operation| operation.paths.is_some() || operation.path_regex.is_some())
}
