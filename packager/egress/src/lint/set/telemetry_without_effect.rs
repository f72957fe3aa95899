//! A Telemetry for a gateway never applies there.
//!
//! To Istio, the listeners of a gateway are clients, so settings with `mode: SERVER` do not apply: there
//! are no logs or traces of them, and overrides of metrics change nothing. And of two Telemetry objects
//! without a selector in a namespace, or with one selector, Istio uses the older one only.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [api.example.com], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: Telemetry
//! metadata: {name: logs, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   accessLogging: [{match: {mode: SERVER}, providers: [{name: envoy}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [api.example.com], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: Telemetry
//! metadata: {name: logs, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   accessLogging: [{match: {mode: CLIENT}, providers: [{name: envoy}]}]
//! ```
//!
//! Fix: Write `mode: CLIENT`, or remove `match`; and write one Telemetry for the same pods.

use crate::code::Code;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint =
    Lint { code: Code::TelemetryWithoutEffect, run, source: include_str!("telemetry_without_effect.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: HashMap<(&str, String), &Manifest> = HashMap::new();
    for telemetry in input.set.of(Kind::Telemetry) {
        let spec = telemetry.spec();
        if spec.get("targetRefs").is_none() && spec.get("targetRef").is_none() {
            let key = (telemetry.namespace.as_str(), telemetry.selector_text());
            let other = *first.entry(key).or_insert(telemetry);
            if !other.is_same_object(telemetry) {
                let message =
                    format!("the Telemetry {} is for the same pods, and only one is used", quoted(&other.name));
                findings.push(of_manifest(telemetry, message, "write both in one Telemetry"));
            }
        }
        let gateways = input.set.gateways.overlapping(telemetry);
        let Some(gateway) = gateways.first().filter(|_| telemetry.selects_some_pods()) else { continue };
        let lists = ["accessLogging", "tracing"].into_iter().flat_map(|list| spec.items_at(&[list]));
        let metrics = spec.items_at(&["metrics"]).iter().flat_map(|one| one.items_at(&["overrides"]));
        for mode in lists
            .chain(metrics)
            .filter_map(|one| one.descend(&["match", "mode"]))
            .filter(|mode| mode.text() == Some("SERVER"))
        {
            let message = format!(
                "the listeners of the Gateway {} count as clients, so this never applies",
                quoted(&gateway.qualified())
            );
            findings.push(finding(telemetry.file, mode, message, "write `CLIENT`, or remove `match`"));
        }
    }
    findings
}
