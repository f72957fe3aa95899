//! Requests are sent as plaintext to a port where the upstream expects TLS.
//!
//! A gateway or a sidecar that has read a request sends it on as it is. Only a DestinationRule makes it
//! originate TLS: the `protocol: HTTPS` of a ServiceEntry does not. The upstream answers 400 or closes
//! the connection, and what was sent was readable on the network.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   exportTo: ["."]
//!   resolution: DNS
//!   ports: [{number: 443, name: https, protocol: HTTPS}]
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com, port: {number: 443}}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   exportTo: ["."]
//!   resolution: DNS
//!   ports: [{number: 443, name: https, protocol: HTTPS}]
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com, port: {number: 443}}}]}]
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   trafficPolicy:
//!     portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE, sni: api.example.com}}]
//! ```
//!
//! Fix: Write a DestinationRule for the host with `tls: {mode: SIMPLE}`, `sni` and `subjectAltNames`.

use crate::code::Code;
use crate::import::Kind;
use crate::import::names::patterns_over;
use crate::import::protocol::Protocol;
use crate::import::view::Route;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::PlaintextToTlsPort, run, source: include_str!("plaintext_to_tls_port.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let ruled: HashSet<&str> = input.set.client_tls.iter().map(|tls| tls.host.as_str()).collect();
    let is_ruled = |host: &str| ruled.contains(host) || patterns_over(host).any(|over| ruled.contains(over.as_str()));
    // Where the Gateway is not here, the rule for it may be elsewhere, too.
    let is_whole = |route: &Route<'_>| {
        route.gateways.iter().all(|name| name == "mesh" || input.set.mesh.gateways.get(name).is_some())
    };
    let mut findings = Vec::new();
    for route in input.set.routes.iter().filter(|route| route.is_http() && is_whole(route)) {
        let is_meant = |host: &str| is_ruled(host) || input.set.has_misspelt_rule(host);
        for to in route.destinations.iter().filter(|to| !is_meant(&to.host)) {
            let Some((place, number)) = to.port() else { continue };
            let hosts = input.set.mesh.hosts(&to.host);
            let entries = hosts.iter().filter(|host| host.manifest.kind == Kind::ServiceEntry);
            let mut ports = entries.flat_map(|host| host.ports.iter()).filter(|port| port.number == number).peekable();
            if ports.peek().is_some() && ports.all(|port| port.protocol == Protocol::Tls) {
                let message = format!(
                    "requests are sent as plaintext to {}: no DestinationRule here has TLS for it",
                    quoted(&to.host)
                );
                let help = "write a DestinationRule with `tls: {mode: SIMPLE}`, `sni` and `subjectAltNames`";
                findings.push(finding(route.manifest.file, place, message, help));
            }
        }
    }
    findings
}
