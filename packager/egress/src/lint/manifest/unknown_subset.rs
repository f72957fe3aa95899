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
use crate::import::names::host_in;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::UnknownSubset, run, source: include_str!("unknown_subset.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut defined: HashSet<(String, &str)> = HashSet::new();
    for rule in input.set.of(Kind::DestinationRule) {
        let Some(host) = rule.spec().text_at(&["host"]) else { continue };
        let names = rule.spec().items_at(&["subsets"]).iter().filter_map(|subset| subset.text_at(&["name"]));
        defined.extend(names.map(|name| (host_in(&rule.namespace, host), name)));
    }
    let mut findings = Vec::new();
    for route in &input.set.routes {
        for to in &route.destinations {
            let Some(node) = to.node.get("subset") else { continue };
            let name = node.text().unwrap_or_default();
            if !defined.contains(&(to.host.clone(), name)) && !input.set.has_misspelt_rule(&to.host) {
                let (name, host) = (quoted(name), quoted(&to.full_host()));
                let message = format!("no DestinationRule here defines the subset {name} of {host}");
                findings.push(finding(
                    route.manifest.file,
                    node,
                    message,
                    "define the subset, or remove it from the route",
                ));
            }
        }
    }
    findings
}
