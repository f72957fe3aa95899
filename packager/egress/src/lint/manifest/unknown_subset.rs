//! A route leads to a subset that no DestinationRule defines.
//!
//! Istio accepts the route, but there is no such cluster, so every request gets 503. If several
//! DestinationRules in different namespaces are for one host, only one of them applies.
//!
//! Bad:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http:
//!   - route: [{destination: {host: httpbin.org, subset: v1}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec: {host: httpbin.org, subsets: [{name: v1}]}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http:
//!   - route: [{destination: {host: httpbin.org, subset: v1}}]
//! ```
//!
//! Fix: Define the subset, or remove it from the route.

use crate::code::Code;
use crate::import::Kind;
use crate::import::mesh::host::service_namespace;
use crate::import::names::{MOST_COMPARED, host_in, meant};
use crate::import::view::Destination;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const LINT: Lint = Lint { code: Code::UnknownSubset, run, source: include_str!("unknown_subset.rs") };

/// As Istio's default has it, and as hosts are written in full.
const CLUSTER_DOMAIN: &str = ".cluster.local";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut defined: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for rule in input.set.of(Kind::DestinationRule) {
        let Some(host) = rule.spec().text_at(&["host"]) else { continue };
        let names = rule.spec().items_at(&["subsets"]).iter().filter_map(|subset| subset.text_at(&["name"]));
        defined.entry(host_in(&rule.namespace, host)).or_default().extend(names);
    }
    let mut findings = Vec::new();
    for route in &input.set.routes {
        for to in &route.destinations {
            let Some(node) = to.node.get("subset") else { continue };
            let name = node.text().unwrap_or_default();
            let of_host = defined.get(&to.host);
            let is_defined = of_host.is_some_and(|names| names.contains(name));
            if is_defined || input.set.has_misspelt_rule(&to.host) {
                continue;
            }
            let message =
                format!("no DestinationRule here defines the subset {} of {}", quoted(name), quoted(&to.full_host()));
            let (place, help) = match meant_host(input, &defined, to, name) {
                Some(host) => (to.place(), format!("did you mean {}?", quoted(&host))),
                None => (node, help(input, of_host, to, name)),
            };
            findings.push(finding(route.manifest.file, place, message, help));
        }
    }
    findings
}

/// The Service of another namespace that was probably meant by a host without a rule: its rule defines the subset.
fn meant_host(
    input: &Input<'_>,
    defined: &BTreeMap<String, BTreeSet<&str>>,
    to: &Destination<'_>,
    subset: &str,
) -> Option<String> {
    let (service, _) = to.host.split_once('.')?;
    let is_unknown = !defined.contains_key(&to.host) && input.set.mesh.hosts(&to.host).is_empty();
    service_namespace(&to.host).filter(|_| is_unknown && defined.len() <= MOST_COMPARED)?;
    let same = defined
        .iter()
        .filter(|(host, names)| names.contains(subset) && host.split_once('.').is_some_and(|(own, _)| own == service));
    let near = meant(&to.host, same.map(|(host, _)| host.as_str()))?;
    Some(format!("{near}{CLUSTER_DOMAIN}"))
}

/// Without its subset, a route to a gateway would be without the subset's TLS.
fn help(input: &Input<'_>, of_host: Option<&BTreeSet<&str>>, to: &Destination<'_>, name: &str) -> String {
    let known = of_host.into_iter().flatten().copied();
    if let Some(near) = meant(name, known.clone()) {
        return format!("did you mean {}?", quoted(near));
    }
    let has_tls = input.set.client_tls_of(&to.host).any(|tls| tls.subset.is_some());
    if has_tls || input.set.mesh.gateways.served_at(&to.host).is_some() {
        let known: Vec<_> = known.collect();
        return match known.as_slice() {
            [] => "define the subset".to_owned(),
            known => format!("define the subset, or write one of the host: {}", quoted(&known.join(", "))),
        };
    }
    "define the subset, or remove it from the route".to_owned()
}
