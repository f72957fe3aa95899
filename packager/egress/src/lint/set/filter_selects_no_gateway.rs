//! A filter's selector matches no gateway, probably because of a misspelling.
//!
//! A gateway in its namespace has the same label with a value that is nearly the same. Istio reports
//! nothing: the filter runs nowhere, and the gateway lets every caller through.
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
use crate::import::Kind;
use crate::import::names::ROOT;
use crate::import::selection::{SelectedPods, has_labels};
use crate::import::view::Workload;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::{did_you_mean, quoted};
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
    findings
}
