//! A DENY rule names paths, and ambiguous paths are tolerated.
//!
//! What `tolerate` lets through is matched byte for byte, while the upstream may read it as another path: `/admin%2Fx`
//! passes a rule that denies `/admin/{**}`, and some servers then answer for `/admin/x`. An ALLOW rule is safe from this,
//! because it must name what it lets through.
//!
//! Remove `tolerate`, or allow by path and leave the DENY rule out.

use super::{Finding, Input};
use crate::parse::suggest::quoted;
use sallyport_core::wire;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let about_paths = |kind: &wire::Ambiguity| {
            !matches!(kind, wire::Ambiguity::UnderscoreHeader | wire::Ambiguity::AmbiguousQuery)
        };
        if !subject.egress.spec.authz.tolerate.iter().any(about_paths) {
            continue;
        }
        for (path, rule) in subject.rules(wire::Action::Deny).filter(|(_, rule)| names_paths(rule)) {
            let message = format!("the rule {} can be avoided by a path that `tolerate` lets through", quoted(&rule.id));
            let help = "remove `tolerate`, or allow by path and leave this rule out";
            findings.push(subject.at(&format!("{path}.id"), message, help));
        }
    }
    findings
}

fn names_paths(rule: &wire::Rule) -> bool {
    let operations = rule.to.iter().flatten().map(|to| &to.operation);
    operations.into_iter().any(|operation| operation.paths.is_some() || operation.path_regex.is_some())
}
