//! A rule allows all callers to request the probe's path, and allows nothing else.
//!
//! The probe is the gateway's own request and needs no rule. A rule that exists only for it lets every
//! caller send health checks to the upstream through the gateway.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! authz:
//!   rules:
//!   - id: probe
//!     action: ALLOW
//!     from: [{source: {principals: ["*"]}}]
//!     to: [{operation: {paths: [/status/200]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! authz:
//!   rules:
//!   - id: monitoring
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [monitoring/prober]}}]
//!     to: [{operation: {paths: [/status/200]}}]
//! ```
//!
//! Fix: Remove the rule, or name in its `from` the callers that need the path.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::RuleForProbeOnly, run, source: include_str!("rule_for_probe_only.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(probe) = &subject.egress.spec.health.probe else { continue };
        let probed = probe.path.split('?').next().unwrap_or_default();
        for (path, rule) in subject.rules(wire::Action::Allow) {
            if allows_only(rule, probed) && applies_to_all_callers(rule) {
                let message = format!(
                    "the rule {} only allows all callers to request the probe's path, and the probe needs no rule",
                    quoted(&rule.id)
                );
                let help = "remove it, or name in `from` the callers that need the path";
                findings.push(subject.at(&format!("{path}.id"), message, help));
            }
        }
    }
    findings
}

fn allows_only(rule: &wire::Rule, probed: &str) -> bool {
    let operations = rule.to.as_deref().unwrap_or_default();
    let is_probed = |paths: &Vec<String>| paths.iter().all(|path| path == probed);
    !operations.is_empty() && operations.iter().all(|to| to.operation.paths.as_ref().is_some_and(is_probed))
}

fn applies_to_all_callers(rule: &wire::Rule) -> bool {
    let is_any = |names: &Vec<String>| names.iter().any(|name| name == "*");
    rule.when.is_none()
        && rule
            .from
            .as_ref()
            .is_none_or(|from| from.iter().any(|from| from.source.principals.as_ref().is_some_and(is_any)))
}
