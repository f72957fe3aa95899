//! Several gateways have one label, by which a Gateway selects all of them.
//!
//! A Gateway applies to every pod with its labels, in all namespaces. With `istio: egressgateway`
//! alone, each upstream's ports and hosts are opened on all other egress gateways, past their filters;
//! and any Gateway that selects the label opens ports on each of them.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {istio: egressgateway}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: IstioOperator
//! metadata: {name: gateways}
//! spec:
//!   components:
//!     egressGateways:
//!     - {name: httpbin-egress, namespace: egress, label: {istio: egressgateway, gateway: httpbin}}
//!     - {name: ledger-egress, namespace: egress, label: {istio: egressgateway, gateway: ledger}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: IstioOperator
//! metadata: {name: gateways}
//! spec:
//!   components:
//!     egressGateways:
//!     - {name: httpbin-egress, namespace: egress, label: {gateway: httpbin}}
//!     - {name: ledger-egress, namespace: egress, label: {gateway: ledger}}
//! ```
//!
//! Fix: Give each gateway its own label, and select by it.

use crate::code::Code;
use crate::import::selection::has_labels;
use crate::import::view::{Server, Workload};
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Entry;
use std::collections::BTreeSet;

pub(super) const LINT: Lint =
    Lint { code: Code::SharedGatewayLabel, run, source: include_str!("shared_gateway_label.rs") };

const SHARED: [(&str, &str); 4] = [
    ("istio", "egressgateway"),
    ("app", "istio-egressgateway"),
    ("istio", "ingressgateway"),
    ("app", "istio-ingressgateway"),
];

/// The labels that tell revisions of a workload apart.
const REVISIONS: [&str; 5] =
    ["istio.io/rev", "version", "app.kubernetes.io/version", "helm.sh/chart", "service.istio.io/canonical-revision"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let help = "give each gateway its own label, and select by it";
    let mut findings = Vec::new();
    for gateway in input.set.of(Kind::Gateway) {
        let selector = gateway.selected_labels();
        if !selector.iter().all(is_shared) || !is_egress(input, gateway) {
            continue;
        }
        let selected: Vec<_> =
            input.set.workloads.iter().filter(|workload| has_labels(workload.labels, selector)).collect();
        let other = |one: &Workload<'_>| selected.iter().find(|other| !are_one_gateway(input, one, other));
        let pair = selected.iter().find_map(|one| Some((one, other(one)?)));
        if let (Some(label), Some((one, another))) = (selector.first(), pair) {
            let (one, another) = (quoted(one.name), quoted(another.name));
            let message = format!("the gateways {one} and {another} both have the label {}", shown(label));
            findings.push(finding(gateway.file, &label.value, message, help));
        }
    }
    for workload in &input.set.workloads {
        let Workload { manifest, name, labels, .. } = workload;
        let Some(label) = labels.iter().find(|label| is_shared(label) && label.key.name == "istio") else { continue };
        let has_label = |other: &&Workload<'_>| {
            other.name != *name
                && other.labels.iter().any(|own| shown(own) == shown(label))
                && !are_one_gateway(input, workload, other)
        };
        if let Some(other) = input.set.workloads.iter().find(has_label).filter(|_| !is_own(name, label)) {
            let message =
                format!("any Gateway for {} that selects {} opens ports here, too", quoted(other.name), shown(label));
            findings.push(finding(manifest.file, &label.value, message, help));
        }
    }
    findings
}

/// Whether two Deployments are revisions of one gateway: their labels differ in nothing else, or one Service leads to both.
fn are_one_gateway(input: &Input<'_>, one: &Workload<'_>, other: &Workload<'_>) -> bool {
    let lasting = |labels: &[Entry]| -> BTreeSet<(String, String)> {
        let texts = labels.iter().filter_map(|label| Some((label.key.name.clone(), label.value.text()?.to_owned())));
        texts.filter(|(key, _)| !REVISIONS.contains(&key.as_str())).collect()
    };
    let leads_to_both = |service: &Manifest| {
        let selector = service.selected_labels();
        service.namespace == one.namespace && has_labels(one.labels, selector) && has_labels(other.labels, selector)
    };
    let has_revision = |labels: &[Entry]| labels.iter().any(|label| REVISIONS.contains(&label.key.name.as_str()));
    let are_revisions =
        (has_revision(one.labels) || has_revision(other.labels)) && lasting(one.labels) == lasting(other.labels);
    one.namespace == other.namespace
        && (one.name == other.name || are_revisions || input.set.of(Kind::Service).any(leads_to_both))
}

fn is_shared(label: &Entry) -> bool {
    SHARED.iter().any(|(key, value)| label.key.name == *key && label.value.text() == Some(value))
}

/// Istio's own gateways are supposed to have these labels.
fn is_own(name: &str, label: &Entry) -> bool {
    name.strip_prefix("istio-") == label.value.text()
}

fn shown(label: &Entry) -> String {
    quoted(&format!("{}: {}", label.key.name, label.value.text().unwrap_or_default()))
}

/// A Gateway for traffic from outside the mesh may select an ingress gateway's label.
fn is_egress(input: &Input<'_>, gateway: &Manifest) -> bool {
    gateway.spec().text_at(&["selector", "istio"]) == Some("egressgateway")
        || Server::of(gateway).any(|server| {
            let leads_out = server.hosts.iter().any(|(_, host)| input.set.is_external(host));
            leads_out || server.tls_mode == Some("ISTIO_MUTUAL")
        })
}
