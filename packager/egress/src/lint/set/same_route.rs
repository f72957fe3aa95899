//! Two VirtualServices route the same host in the mesh.
//!
//! Callers name an upstream by its host alone. Of two VirtualServices for it Istio silently uses the
//! older one, so requests for one gateway reach the other, under the other's policy.
//!
//! Bad:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: a, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: a-egress}}]}]}
//! ---
//! kind: VirtualService
//! metadata: {name: b, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: b-egress}}]}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: a, namespace: egress}
//! spec: {hosts: [a.internal], http: [{route: [{destination: {host: a-egress}}]}]}
//! ---
//! kind: VirtualService
//! metadata: {name: b, namespace: egress}
//! spec: {hosts: [b.internal], http: [{route: [{destination: {host: b-egress}}]}]}
//! ```
//!
//! Fix: Give each upstream its own host.

use crate::code::Code;
use crate::import::names::host_in;
use crate::import::view::routed_at;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameRoute, run, source: include_str!("same_route.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut first: HashMap<(String, &str), &Manifest> = HashMap::new();
    let mut findings = Vec::new();
    for route in input.set.of(Kind::VirtualService).filter(|route| routed_at(route).iter().any(|at| at == "mesh")) {
        for node in route.spec().items_at(&["hosts"]) {
            let Some(host) = node.text().map(|host| host_in(&route.namespace, host)) else { continue };
            let other = *first.entry((host.clone(), visible_in(route))).or_insert(route);
            if !other.is_same_object(route) {
                let name = quoted(&format!("{}/{}", other.namespace, other.name));
                let message = format!("the VirtualService {name} also routes {}", quoted(&host));
                findings.push(finding(route.file, node, message, "give each upstream its own host"));
            }
        }
    }
    findings
}

/// The only namespace to which the route is exported, or empty.
fn visible_in(route: &Manifest) -> &str {
    match route.spec().items_at(&["exportTo"]) {
        [to] if to.text() == Some(".") => &route.namespace,
        _ => "",
    }
}
