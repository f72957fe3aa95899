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
use crate::import::mesh::scope::Scope;
use crate::import::names::host_in;
use crate::import::view::routed_at;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameRoute, run, source: include_str!("same_route.rs") };

/// Where a VirtualService is seen, for which another one of the same host is too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Seen<'a> {
    Everywhere,
    In(&'a str),
    /// In its own namespace alone, where it stands before those of others.
    AtHome(&'a str),
    /// In some namespaces, which ones does not matter.
    Somewhere,
}

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut first: HashMap<(String, Seen<'_>), &Manifest> = HashMap::new();
    let mut findings = Vec::new();
    for route in input.set.of(Kind::VirtualService).filter(|route| routed_at(route).iter().any(|at| at == "mesh")) {
        let (met, own) = seen(route);
        for node in route.spec().items_at(&["hosts"]) {
            let Some(host) = node.text().map(|host| host_in(&route.namespace, host)) else { continue };
            let mut others = met.iter().filter_map(|seen| first.get(&(host.clone(), *seen)));
            if let Some(other) = others.find(|other| !other.is_same_object(route)) {
                let name = quoted(&format!("{}/{}", other.namespace, other.name));
                let message = format!("the VirtualService {name} also routes {}", quoted(&host));
                findings.push(finding(route.file, node, message, "give each upstream its own host"));
            }
            for seen in &own {
                first.entry((host.clone(), *seen)).or_insert(route);
            }
        }
    }
    findings
}

/// The places of others that meet a route, and its own.
fn seen(route: &Manifest) -> (Vec<Seen<'_>>, Vec<Seen<'_>>) {
    let home = Seen::AtHome(&route.namespace);
    match Scope::of(route) {
        Scope::All => (vec![Seen::Everywhere, Seen::Somewhere], vec![Seen::Everywhere]),
        scope if scope.is_only(&route.namespace) => (vec![home], vec![home]),
        Scope::Only(namespaces) if namespaces.is_empty() => (Vec::new(), Vec::new()),
        Scope::Only(namespaces) => {
            let own: Vec<_> = namespaces.into_iter().map(Seen::In).collect();
            let with = |other| own.iter().copied().chain([other]).collect();
            (with(Seen::Everywhere), with(Seen::Somewhere))
        }
    }
}
