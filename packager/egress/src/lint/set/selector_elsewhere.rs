//! A selector is for pods of a gateway in another namespace.
//!
//! A policy, plugin, Telemetry or EnvoyFilter applies to pods of its own namespace, unless it is in
//! Istio's root namespace (`istio-system`). Istio accepts one with the labels of a gateway elsewhere, and
//! it applies to nothing: the gateway lets every caller through, or logs as before.
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
//! kind: Service
//! metadata: {name: partner-egress, namespace: egress}
//! spec: {selector: {app: partner-egress}, ports: [{name: https, port: 443}]}
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   rules: [{to: [{operation: {methods: [GET]}}]}]
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
//! kind: Service
//! metadata: {name: partner-egress, namespace: egress}
//! spec: {selector: {app: partner-egress}, ports: [{name: https, port: 443}]}
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   rules: [{to: [{operation: {methods: [GET]}}]}]
//! ```
//!
//! Fix: Write it in the namespace in which the gateway's pods run.

use crate::code::Code;
use crate::import::names::ROOT;
use crate::import::selection::{SelectedPods, has_labels};
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Entry;
use std::collections::{BTreeMap, HashMap};

pub(super) const LINT: Lint =
    Lint { code: Code::SelectorElsewhere, run, source: include_str!("selector_elsewhere.rs") };

const KINDS: [Kind; 7] = [
    Kind::AuthorizationPolicy,
    Kind::PeerAuthentication,
    Kind::RequestAuthentication,
    Kind::WasmPlugin,
    Kind::TrafficExtension,
    Kind::Telemetry,
    Kind::EnvoyFilter,
];

/// Pods with their labels, their namespace and what to call them.
struct Pods<'a> {
    labels: &'a [Entry],
    namespace: &'a str,
    title: String,
}

fn run(input: &Input<'_>) -> Vec<Finding> {
    let pods = pods(input);
    let mut by_label: HashMap<(&str, &str), Vec<&Pods<'_>>> = HashMap::new();
    for some in &pods {
        for label in some.labels {
            by_label.entry((&label.key.name, label.value.text().unwrap_or_default())).or_default().push(some);
        }
    }
    let mut findings = Vec::new();
    for manifest in input.set.manifests.iter().filter(|manifest| KINDS.contains(&manifest.kind)) {
        let own = manifest.namespace.as_str();
        let SelectedPods::WithLabels(labels) = manifest.selected_pods() else { continue };
        if own.is_empty() || own == ROOT || may_be_in(input, manifest, labels) {
            continue;
        }
        let with_first =
            labels.iter().filter_map(|label| by_label.get(&(label.key.name.as_str(), label.value.text()?)));
        let meant = with_first.take(1).flatten().filter(|pods| has_labels(pods.labels, labels));
        let meant: BTreeMap<&str, &str> = meant.map(|pods| (pods.namespace, pods.title.as_str())).collect();
        // A label of gateways in several namespaces may be of one in this namespace, too.
        if let [(home, title)] = meant.into_iter().collect::<Vec<_>>().as_slice() {
            let message = format!("the pods of the gateway {} are in another namespace", quoted(title));
            let help = format!("write it in the namespace {}", quoted(home));
            let place = labels.first().map_or(manifest.title(), |label| &label.value);
            findings.push(finding(manifest.file, place, message, help));
        }
    }
    findings
}

/// The pods of gateways, where something shows in which namespaces they run.
fn pods<'a>(input: &Input<'a>) -> Vec<Pods<'a>> {
    let of_gateways = input.set.of(Kind::Gateway).flat_map(|gateway| {
        let labels = gateway.selected_labels();
        let homes = input.set.mesh.gateways.homes(&gateway.qualified()).into_iter().flatten();
        homes.map(move |namespace| Pods { labels, namespace, title: gateway.qualified() })
    });
    let workloads = input.set.workloads.iter().filter(|pods| !pods.namespace.is_empty());
    let workloads = workloads.map(|pods| Pods {
        labels: pods.labels,
        namespace: pods.namespace,
        title: format!("{}/{}", pods.namespace, pods.name),
    });
    of_gateways.chain(workloads).collect()
}

/// Whether something in the manifest's own namespace shows that pods there may have the labels.
fn may_be_in(input: &Input<'_>, manifest: &Manifest, labels: &[Entry]) -> bool {
    let mut own = input.set.workloads.iter().filter(|pods| pods.namespace == manifest.namespace);
    let mut services = input.set.of(Kind::Service).filter(|service| service.namespace == manifest.namespace);
    own.any(|pods| has_labels(pods.labels, labels))
        || services.any(|service| {
            let selector = service.selected_labels();
            has_labels(selector, labels) || has_labels(labels, selector)
        })
        || !input.set.gateways.overlapping_at_home(manifest).is_empty()
}
