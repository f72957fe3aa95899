//! The selector of a filter or of a Gateway matches no gateway's pods, probably because of a misspelling.
//!
//! A gateway has the same label with a value that is nearly the same. Istio reports nothing: the filter
//! runs nowhere, and the gateway lets every caller through; or no pod opens the Gateway's ports.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: htpbin}}
//!   pluginConfig: {rules: []}
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
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   pluginConfig: {rules: []}
//! ```
//!
//! Fix: Write the label as the gateway's pods have it.

use crate::code::Code;
use crate::import::names::{ROOT, meant};
use crate::import::selection::{SelectedPods, has_labels};
use crate::import::view::Workload;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::Entry;
use std::collections::{BTreeSet, HashMap};

pub(super) const LINT: Lint =
    Lint { code: Code::FilterSelectsNoGateway, run, source: include_str!("filter_selects_no_gateway.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut known: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
    let gateways = input.set.of(Kind::Gateway);
    let selectors = gateways.map(|gateway| (gateway.namespace.as_str(), gateway.selected_labels()));
    let pods = input.set.workloads.iter().map(|workload| (workload.namespace, workload.labels));
    for (namespace, labels) in selectors.chain(pods) {
        for label in labels {
            known.entry((namespace, &label.key.name)).or_default().extend(label.value.text());
        }
    }
    let mut findings = Vec::new();
    for filter in input.set.plugins.iter().filter(|plugin| plugin.enforces_rules()).map(|plugin| plugin.manifest) {
        let namespace = filter.namespace.as_str();
        let SelectedPods::WithLabels(labels) = filter.selected_pods() else { continue };
        let is_reached = |pod: &&Workload<'_>| namespace == ROOT || pod.namespace == namespace;
        let has_pod = || input.set.workloads.iter().filter(is_reached).any(|pod| has_labels(pod.labels, labels));
        if !input.set.gateways.overlapping(filter).is_empty() || has_pod() {
            continue;
        }
        for label in labels {
            let Some(value) = label.value.text() else { continue };
            let values = known.get(&(namespace, label.key.name.as_str())).into_iter().flatten().copied();
            if let Some(meant) = did_you_mean(value, values).filter(|meant| *meant != value) {
                let shown = quoted(&format!("{}: {value}", label.key.name));
                let message = format!("no gateway in this namespace has the label {shown}");
                findings.push(finding(filter.file, &label.value, message, format!("did you mean {}?", quoted(meant))));
            }
        }
    }
    findings.extend(input.set.of(Kind::Gateway).filter_map(|gateway| without_pods(input, gateway)));
    findings
}

/// A Gateway whose labels no pods here have, while some have one that is near: pods of gateways, or of a Service through which
/// callers reach it.
fn without_pods(input: &Input<'_>, gateway: &Manifest) -> Option<Finding> {
    let own = gateway.selected_labels();
    let is_selected = |labels: &[Entry]| has_labels(labels, own) || has_labels(own, labels);
    let services: Vec<_> = input.set.of(Kind::Service).collect();
    let by_services = services.iter().map(|service| service.selected_labels());
    let of_pods = || input.set.workloads.iter().map(|pods| pods.labels);
    if of_pods().any(|labels| has_labels(labels, own)) || by_services.clone().any(is_selected) {
        return None;
    }
    let leads_here = |service: &&&Manifest| {
        input.set.mesh.gateways.behind(&service.service_host()).any(|one| one.is_same_object(gateway))
    };
    let led = services.iter().filter(leads_here).map(|service| service.selected_labels());
    let known: Vec<_> = of_pods().chain(led).flatten().collect();
    own.iter().find_map(|label| {
        let value = label.value.text()?;
        let same_key = known.iter().filter(|one| one.key.name == label.key.name);
        let values: BTreeSet<&str> = same_key.filter_map(|one| one.value.text()).collect();
        let near = meant(value, values.iter().copied()).filter(|_| !values.contains(value))?;
        let shown = quoted(&format!("{}: {value}", label.key.name));
        let message = format!("no pods of a gateway here have the label {shown}");
        Some(finding(gateway.file, &label.value, message, format!("did you mean {}?", quoted(near))))
    })
}
