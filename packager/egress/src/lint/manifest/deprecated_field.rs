//! A manifest has a field that Istio has deprecated.
//!
//! Some of these fields still work, others no longer do: `targetPort` of a Gateway has had no effect
//! for years. A later version of Istio may refuse them.
//!
//! Bad:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: httpbin.org
//!   trafficPolicy: {outlierDetection: {consecutiveErrors: 5}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: httpbin.org
//!   trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}
//! ```
//!
//! Fix: Write the field that replaces it.

use crate::code::Code;
use crate::import::{Kind, Manifest};
use crate::istio::DEPRECATED_BALANCER;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::yaml::tree::Node;

pub(super) const LINT: Lint = Lint { code: Code::DeprecatedField, run, source: include_str!("deprecated_field.rs") };

/// Kind, parent field, deprecated field, and what to do.
const FIELDS: [(Kind, &str, &str, &str); 7] = [
    (Kind::Gateway, "port", "targetPort", "remove it"),
    (Kind::DestinationRule, "outlierDetection", "consecutiveErrors", "write `consecutive5xxErrors`"),
    (Kind::DestinationRule, "consistentHash", "minimumRingSize", "write `ringHash: {minimumRingSize}`"),
    (Kind::DestinationRule, "loadBalancer", "warmupDurationSecs", "write `warmup: {duration}`"),
    (Kind::VirtualService, "", "mirrorPercent", "write `mirrorPercentage`"),
    (Kind::VirtualService, "corsPolicy", "allowOrigin", "write `allowOrigins`"),
    (Kind::VirtualService, "delay", "percent", "write `percentage`"),
];

fn run(input: &Input<'_>) -> Vec<Finding> {
    input.set.manifests.iter().flat_map(of_one).collect()
}

fn of_one(manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, holder, field, help) in FIELDS.iter().filter(|(kind, ..)| *kind == manifest.kind) {
        let holders = manifest.spec().descendants();
        let holders = holders.filter_map(|node| if holder.is_empty() { Some(node) } else { node.get(holder) });
        for written in holders.filter_map(|node| node.get(field)) {
            let message = format!("`{field}` is deprecated in Istio");
            findings.push(finding(manifest.file, written, message, *help));
        }
    }
    if manifest.kind == Kind::DestinationRule {
        let simple = manifest.spec().descendants().filter_map(|node| node.descend(&["loadBalancer", "simple"]));
        for written in simple.filter(|written: &&Node| written.text() == Some(DEPRECATED_BALANCER)) {
            let message = format!("`{DEPRECATED_BALANCER}` is deprecated in Istio");
            findings.push(finding(manifest.file, written, message, "write `LEAST_REQUEST`"));
        }
    }
    findings
}
