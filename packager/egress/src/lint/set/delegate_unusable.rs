//! A route delegates to a VirtualService that cannot be delegated to.
//!
//! A delegate has no `hosts` and no `gateways`. Istio accepts a route to any name, and leaves the route out
//! if there is no such delegate: requests get 404.
//!
//! Bad:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   http: [{match: [{uri: {prefix: /v1}}], delegate: {name: partner}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   http: [{match: [{uri: {prefix: /v1}}], delegate: {name: partner-v1}}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner-v1, namespace: egress}
//! spec: {http: [{route: [{destination: {host: api.example.com}}]}]}
//! ```
//!
//! Fix: Name a VirtualService without `hosts` whose routes lead to destinations.

use crate::code::Code;
use crate::import::names::meant;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::DelegateUnusable, run, source: include_str!("delegate_unusable.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut services: HashMap<&str, Vec<&Manifest>> = HashMap::new();
    for service in input.set.of(Kind::VirtualService) {
        services.entry(&service.namespace).or_default().push(service);
    }
    let mut findings = Vec::new();
    for route in &input.set.routes {
        let Some(delegate) = route.node.get("delegate") else { continue };
        let own = delegate.text_at(&["namespace"]).filter(|text| !text.is_empty());
        let namespace = own.unwrap_or(&route.manifest.namespace);
        let there = services.get(namespace).map_or(&[][..], Vec::as_slice);
        let node = delegate.get("name").unwrap_or(delegate);
        if let Some((message, help)) = wrong(route.manifest, there, node.text().unwrap_or_default()) {
            findings.push(finding(route.manifest.file, node, message, help));
        }
    }
    findings
}

/// What is wrong with a delegate of this name among the VirtualServices of its namespace. It may be elsewhere in the cluster.
fn wrong(route: &Manifest, there: &[&Manifest], name: &str) -> Option<(String, String)> {
    let shown = quoted(name);
    let free = there.iter().filter(|one| is_free(one) && !one.is_same_object(route));
    let Some(named) = there.iter().find(|one| one.name == name) else {
        let near = meant(name, free.map(|one| one.name.as_str()))?;
        let message = format!("there is no VirtualService {shown} to delegate to");
        return Some((message, format!("did you mean {}?", quoted(near))));
    };
    if named.is_same_object(route) {
        let message = "the VirtualService delegates to itself, so this route is left out".to_owned();
        return Some((message, "name another one without `hosts`, or write `route`".to_owned()));
    }
    (!is_free(named)).then(|| {
        let message =
            format!("the VirtualService {shown} has `hosts`, so it is no delegate and this route is left out");
        (message, "move its routes to one without `hosts` and `gateways`".to_owned())
    })
}

fn is_free(service: &Manifest) -> bool {
    service.spec().items_at(&["hosts"]).is_empty()
}
