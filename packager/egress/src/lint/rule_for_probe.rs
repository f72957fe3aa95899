//! A rule allows everybody the probe's path, and nothing else.
//!
//! The probe is a request of the gateway's own, past the policy: it needs no rule. One that is there for its sake lets every
//! caller ask the upstream how it is, again and again, through the gateway.
//!
//! Remove the rule, or say in its `from` who else needs the path.

use super::{Finding, Input};
use crate::parse::suggest::quoted;
use sallyport_core::wire;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(probe) = &subject.egress.spec.health.probe else { continue };
        let asked = probe.path.split('?').next().unwrap_or_default();
        for (path, rule) in subject.rules(wire::Action::Allow) {
            if allows_only(rule, asked) && is_for_everybody(rule) {
                let message = format!("the rule {} allows everybody what the probe does without it", quoted(&rule.id));
                let help = "remove it, or write in `from` who else needs the path";
                findings.push(subject.at(&format!("{path}.id"), message, help));
            }
        }
    }
    findings
}

fn allows_only(rule: &wire::Rule, asked: &str) -> bool {
    let operations = rule.to.as_deref().unwrap_or_default();
    let is_asked = |paths: &Vec<String>| paths.iter().all(|path| path == asked);
    !operations.is_empty() && operations.iter().all(|to| to.operation.paths.as_ref().is_some_and(is_asked))
}

fn is_for_everybody(rule: &wire::Rule) -> bool {
    let is_any = |names: &Vec<String>| names.iter().any(|name| name == "*");
    rule.when.is_none()
        && rule.from.as_ref().is_none_or(|from| {
            from.iter().any(|from| from.source.principals.as_ref().is_some_and(is_any))
        })
}
