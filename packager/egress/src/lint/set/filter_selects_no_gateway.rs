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
use crate::import::names::{KnownNames, ROOT, meant};
use crate::import::selection::{SelectedPods, has_labels};
use crate::import::view::Workload;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
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
            if let Some(meant) = meant(value, values) {
                let shown = quoted(&format!("{}: {value}", label.key.name));
                let message = format!("no gateway in this namespace has the label {shown}");
                findings.push(finding(filter.file, &label.value, message, format!("did you mean {}?", quoted(meant))));
            }
        }
    }
    let policies = input.set.of(Kind::AuthorizationPolicy).filter(|policy| policy.namespace != ROOT);
    findings.extend(policies.filter_map(|policy| policy_without_pods(input, policy, &known)));
    let shown = Shown::of(input);
    findings.extend(input.set.of(Kind::Gateway).filter_map(|gateway| without_pods(&shown, gateway)));
    findings
}

/// What shows which labels the pods of gateways have.
struct Shown<'a> {
    /// The labels of pods, by one of them.
    pods: HashMap<(&'a str, &'a str), Vec<&'a [Entry]>>,
    /// What Services select, by one of the labels.
    services: HashMap<(&'a str, &'a str), Vec<&'a [Entry]>>,
    /// The values that pods have of a label.
    values: HashMap<&'a str, KnownNames<'a>>,
    /// What the Services select through which callers reach a Gateway.
    led: HashMap<String, Vec<&'a [Entry]>>,
}

fn texts(labels: &[Entry]) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().filter_map(|label| Some((label.key.name.as_str(), label.value.text()?)))
}

impl<'a> Shown<'a> {
    fn of(input: &Input<'a>) -> Self {
        let (mut pods, mut services) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        let mut led: HashMap<String, Vec<&[Entry]>> = HashMap::new();
        for workload in &input.set.workloads {
            texts(workload.labels).for_each(|label| pods.entry(label).or_default().push(workload.labels));
        }
        for service in input.set.of(Kind::Service) {
            let labels = service.selected_labels();
            texts(labels).for_each(|label| services.entry(label).or_default().push(labels));
            for gateway in input.set.mesh.gateways.behind(&service.service_host()) {
                led.entry(gateway.qualified()).or_default().push(labels);
            }
        }
        let mut values: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for (key, value) in pods.keys().copied() {
            values.entry(key).or_default().insert(value);
        }
        let values = values.into_iter().map(|(key, values)| (key, KnownNames::new(values))).collect();
        Self { pods, services, values, led }
    }

    /// Whether pods have these labels, or a Service selects pods by some of them and by no others.
    fn selects(&self, own: &[Entry]) -> bool {
        let mut pods = texts(own).filter_map(|label| self.pods.get(&label)).flatten();
        let mut services = texts(own).filter_map(|label| self.services.get(&label)).flatten();
        pods.any(|labels| has_labels(labels, own))
            || services.any(|labels| has_labels(labels, own) || has_labels(own, labels))
    }
}

/// A policy whose label no pods and no Service here have, while a gateway of its namespace has one that is near.
fn policy_without_pods(
    input: &Input<'_>,
    policy: &Manifest,
    known: &HashMap<(&str, &str), BTreeSet<&str>>,
) -> Option<Finding> {
    let own = policy.selected_labels();
    let namespace = policy.namespace.as_str();
    let (label, value, near) = own.iter().find_map(|label| {
        let value = label.value.text()?;
        let values = known.get(&(namespace, label.key.name.as_str()))?;
        Some((label, value, meant(value, values.iter().copied()).filter(|_| !values.contains(value))?))
    })?;
    let mut services = input.set.of(Kind::Service).filter(|service| service.namespace == policy.namespace);
    let is_selected = services.any(|service| {
        let labels = service.selected_labels();
        has_labels(labels, own) || has_labels(own, labels)
    });
    let shown = quoted(&format!("{}: {value}", label.key.name));
    let message = format!("no gateway in this namespace has the label {shown}");
    (!is_selected).then(|| finding(policy.file, &label.value, message, format!("did you mean {}?", quoted(near))))
}

/// A Gateway whose labels no pods here have, while some have one that is near: pods of gateways, or of a Service through which
/// callers reach it.
fn without_pods(shown: &Shown<'_>, gateway: &Manifest) -> Option<Finding> {
    let own = gateway.selected_labels();
    if shown.selects(own) {
        return None;
    }
    let led: Vec<_> =
        shown.led.get(&gateway.qualified()).into_iter().flatten().flat_map(|labels| texts(labels)).collect();
    own.iter().find_map(|label| {
        let (key, value) = (label.key.name.as_str(), label.value.text()?);
        if shown.pods.contains_key(&(key, value)) || led.contains(&(key, value)) {
            return None;
        }
        let of_led = led.iter().filter(|(own, _)| *own == key).map(|(_, value)| *value);
        let of_pods = shown.values.get(key).and_then(|values| values.meant(value, |_| true));
        let near = of_pods.or_else(|| meant(value, of_led))?;
        let shown = quoted(&format!("{key}: {value}"));
        let message = format!("no pods of a gateway here have the label {shown}");
        Some(finding(gateway.file, &label.value, message, format!("did you mean {}?", quoted(near))))
    })
}
