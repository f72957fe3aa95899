//! Two rules that Prometheus cannot tell apart.
//!
//! In Prometheus' names Envoy writes `_` for whatever is no letter and no digit, so that the rules `no-admin` and
//! `no.admin` are both counted under `sallyport_rule_no_admin_denied`. Prometheus keeps the first of two series of one
//! name, and what the other rule decides is lost, in dashboards and in alerts. The filter itself, its log lines and
//! Envoy's own `/stats` keep the two apart.
//!
//! Give one of them an id that differs in a letter or a digit.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;
use sallyport_core::telemetry::MAX_COUNTED_RULES;
use std::collections::HashMap;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let mut first: HashMap<String, &str> = HashMap::new();
        // The rules after these have no series of their own.
        for (position, rule) in subject.egress.spec.authz.rules.iter().enumerate().take(MAX_COUNTED_RULES) {
            let series = rule.id.replace(['.', '-'], "_");
            if let Some(earlier) = first.get(&series) {
                let message =
                    format!("the rules {} and {} are one series in Prometheus", quoted(earlier), quoted(&rule.id));
                let path = format!("authz.rules[{position}].id");
                findings.push(subject.at(&path, message, "change a letter or a digit of one of the two ids"));
            } else {
                first.insert(series, rule.id.as_str());
            }
        }
    }
    findings
}
