//! A ServiceEntry is hidden from the proxy that needs it.
//!
//! A gateway sees what is exported to the namespace in which its pods run, wherever its `Gateway` is;
//! the sidecar of a caller, what is exported to the caller's namespace. A route to a host that the proxy
//! does not see gets 503.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec: {hosts: [api.example.com], exportTo: ["."], resolution: DNS}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: TLS}, hosts: [api.example.com], tls: {mode: PASSTHROUGH}}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [egress/partner]
//!   tls:
//!   - match: [{sniHosts: [api.example.com]}]
//!     route: [{destination: {host: api.example.com}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec: {hosts: [api.example.com], exportTo: [".", egress], resolution: DNS}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: TLS}, hosts: [api.example.com], tls: {mode: PASSTHROUGH}}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [egress/partner]
//!   tls:
//!   - match: [{sniHosts: [api.example.com]}]
//!     route: [{destination: {host: api.example.com}}]
//! ```
//!
//! Fix: Add the namespace of the proxy to `exportTo`, or move the entry there.

use crate::code::Code;
use crate::import::mesh::Follower;
use crate::import::mesh::host::Host;
use crate::import::view::Route;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::EntryHidden, run, source: include_str!("entry_hidden.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut named = HashSet::new();
    let mut findings = Vec::new();
    for route in &input.set.routes {
        for to in &route.destinations {
            let mut hosts = input.set.mesh.hosts(&to.host);
            if hosts.is_empty() {
                hosts = input.set.mesh.at_address(&to.host);
            }
            let Some(host) = hosts.first() else { continue };
            let is_hidden = |from: &Follower<'_>| !hosts.iter().any(|host| host.scope.includes(from.namespace));
            let unseeing = input.set.mesh.followers(route).into_iter().find(is_hidden);
            let unseeing = unseeing.map(|from| (from.title(), from.namespace.to_owned()));
            let Some((title, namespace)) = unseeing.or_else(|| elsewhere(input, route, host)) else { continue };
            let is_misspelt = input.set.mesh.misspelt_exports(host.manifest).next().is_some();
            if !is_misspelt && named.insert(host.manifest.qualified()) {
                let place = host.manifest.spec().get("exportTo").unwrap_or(host.manifest.title());
                let message = format!("{title} cannot see {}", quoted(&host.name));
                let help = format!("add {} to `exportTo`", quoted(&namespace));
                findings.push(finding(host.manifest.file, place, message, help));
            }
        }
    }
    findings
}

/// A Gateway whose pods are not known, in another namespace than the only one that sees the host and has the route.
fn elsewhere(input: &Input<'_>, route: &Route<'_>, host: &Host<'_>) -> Option<(String, String)> {
    let own = host.manifest.namespace.as_str();
    if own != route.manifest.namespace || !host.scope.is_only(own) {
        return None;
    }
    let mut gateways = route.gateways.iter().filter_map(|name| Some((name, name.split_once('/')?.0)));
    let unknown = |name: &str| input.set.mesh.gateways.homes(name).is_none();
    let (name, namespace) = gateways.find(|(name, namespace)| *namespace != own && unknown(name))?;
    Some((format!("the gateway {}", quoted(name)), namespace.to_owned()))
}
