//! A VirtualService is hidden from the gateway that it is for.
//!
//! `exportTo` decides which namespaces see a VirtualService, and a gateway is in the namespace of its
//! pods. A gateway that does not see the routes of its own host answers 404, or closes the connection.
//!
//! Bad:
//!
//! ```yaml
//! kind: Service
//! metadata: {name: partner-egress, namespace: egress}
//! spec: {selector: {app: partner-egress}}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [egress/partner]
//!   exportTo: ["."]
//!   http: [{route: [{destination: {host: api.example.com}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Service
//! metadata: {name: partner-egress, namespace: egress}
//! spec: {selector: {app: partner-egress}}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [egress/partner]
//!   exportTo: [".", egress]
//!   http: [{route: [{destination: {host: api.example.com}}]}]
//! ```
//!
//! Fix: Add the namespace of the gateway's pods to `exportTo`.

use crate::code::Code;
use crate::import::Kind;
use crate::import::mesh::scope::Scope;
use crate::import::view::routed_at;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::RouteHidden, run, source: include_str!("route_hidden.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in input.set.of(Kind::VirtualService) {
        let Some(export) = route.spec().get("exportTo") else { continue };
        if input.set.mesh.misspelt_exports(route).next().is_some() {
            continue;
        }
        let scope = Scope::of(route);
        let hidden = routed_at(route).into_iter().find_map(|gateway| {
            let homes = input.set.mesh.gateways.homes(&gateway)?;
            let home = homes.first().filter(|_| !homes.iter().any(|home| scope.includes(home)))?;
            Some((quoted(&gateway), quoted(home)))
        });
        if let Some((gateway, home)) = hidden {
            let message = format!("the gateway {gateway} (pods in {home}) cannot see this VirtualService");
            findings.push(finding(route.file, export, message, format!("add {home} to `exportTo`")));
        }
    }
    findings
}
