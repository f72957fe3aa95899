//! Two Egress files in one namespace have the same upstream, but connect to it differently.
//!
//! Within a namespace Istio configures connections by the upstream's host. Of two DestinationRules for
//! one host it silently uses the TLS settings, connection pools and outlier detection of the older one,
//! so one gateway would present the other's client certificate, or none.
//!
//! Bad:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   upstream: {host: bank.example, port: 443}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: bank.example, port: 443, tls: {sni: other.example}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress-a}
//! spec:
//!   host: a.internal
//!   upstream: {host: bank.example, port: 443}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress-b}
//! spec:
//!   host: b.internal
//!   upstream: {host: bank.example, port: 443, tls: {sni: other.example}}
//! ```
//!
//! Fix: Give one of them another namespace, or write the same `upstream.tls` and `route` in both. If
//! they use outlier detection, either both have a probe or neither has: with a probe, outlier detection
//! applies to a subset of its own.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::Egress;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameUpstream, run, source: include_str!("same_upstream.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let (mut first, mut findings) = (HashMap::new(), Vec::new());
    for subject in &input.egresses {
        let host = subject.egress.spec.upstream.host.as_str();
        // For an IP address, `build` makes a host name per Egress.
        if host.parse::<std::net::IpAddr>().is_ok() {
            continue;
        }
        let (file, other) =
            *first.entry((subject.egress.namespace.as_str(), host)).or_insert((subject.file, subject.egress));
        if let Some(what) = difference(subject.egress, other) {
            let other = input.files.get(file).map(|other| quoted(&other.name)).unwrap_or_default();
            let message = format!("{} is configured differently in {other}: {what}", quoted(host));
            let help = "write the same settings in both, or give one of them another namespace";
            findings.push(subject.at("upstream.host", message, help));
        }
    }
    findings
}

/// The first setting of the DestinationRule that differs.
fn difference(one: &Egress, other: &Egress) -> Option<&'static str> {
    let (one, other) = (&one.spec, &other.spec);
    if one.upstream.tls != other.upstream.tls {
        Some("`upstream.tls`")
    } else if one.upstream.endpoints != other.upstream.endpoints {
        Some("`upstream.endpoints`")
    } else if one.route.connection_pool != other.route.connection_pool {
        Some("`route.connectionPool`")
    } else if one.route.outlier_detection != other.route.outlier_detection {
        Some("`route.outlierDetection`")
    } else {
        // With a probe, outlier detection applies to a subset.
        let is_other =
            one.route.outlier_detection.is_some() && one.health.probe.is_some() != other.health.probe.is_some();
        is_other.then_some("`health.probe`")
    }
}
