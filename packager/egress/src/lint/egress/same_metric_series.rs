//! Two rules have the same metric name in Prometheus.
//!
//! For Prometheus, Envoy replaces every character of a name that is not a letter or digit by `_`, so
//! the rules `no-admin` and `no.admin` are both counted as `sallyport_rule_no_admin_denied`. Prometheus
//! keeps only one of the two, so dashboards and alerts miss the other rule's decisions. The filter, its
//! log lines and Envoy's own `/stats` keep the two apart.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: no-admin
//!   action: DENY
//!   to: [{operation: {paths: [/admin]}}]
//! - id: no.admin
//!   action: DENY
//!   to: [{operation: {paths: [/manage]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: no-admin
//!   action: DENY
//!   to: [{operation: {paths: [/admin]}}]
//! - id: no-manage
//!   action: DENY
//!   to: [{operation: {paths: [/manage]}}]
//! ```
//!
//! Fix: Give one of them an ID that differs in a letter or digit.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::telemetry::MAX_COUNTED_RULES;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameMetricSeries, run, source: include_str!("same_metric_series.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let mut first: HashMap<String, &str> = HashMap::new();
        // Later rules have no metric of their own.
        for (position, rule) in subject.egress.spec.authz.rules.iter().enumerate().take(MAX_COUNTED_RULES) {
            let series = rule.id.replace(['.', '-'], "_");
            if let Some(earlier) = first.get(&series) {
                let message = format!(
                    "the rules {} and {} have the same metric name in Prometheus",
                    quoted(earlier),
                    quoted(&rule.id)
                );
                let path = format!("authz.rules[{position}].id");
                findings.push(subject.at(&path, message, "change a letter or digit of one of the IDs"));
            } else {
                first.insert(series, rule.id.as_str());
            }
        }
    }
    findings
}
