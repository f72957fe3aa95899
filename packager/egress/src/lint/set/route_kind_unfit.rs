//! A route is of a kind that its port does not have.
//!
//! Routes of `http` apply where requests are read, routes of `tls` to TLS that is passed on, routes of
//! `tcp` to other bytes. A route of another kind is accepted and ignored: a sidecar then sends the
//! connection on, past the route and past the gateway; a gateway answers 404 or closes the connection.
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
//!   ports: [{number: 80, name: http, protocol: TCP}]
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   http: [{match: [{port: 80}], route: [{destination: {host: api-egress.egress.svc.cluster.local}}]}]
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
//!   ports: [{number: 80, name: http, protocol: HTTP}]
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   http: [{match: [{port: 80}], route: [{destination: {host: api-egress.egress.svc.cluster.local}}]}]
//! ```
//!
//! Fix: Write the `protocol` that callers speak on the port, or the route in the list that belongs to
//! it.

use crate::code::Code;
use crate::import::protocol::Protocol;
use crate::import::view::Route;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::RouteKindUnfit, run, source: include_str!("route_kind_unfit.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut named = HashSet::new();
    let mut findings = Vec::new();
    for route in &input.set.routes {
        let at_gateways = route.gateways.iter().filter(|gateway| *gateway != "mesh");
        let mut unfit = at_gateways.filter_map(|gateway| Some((gateway, at_gateway(input, route, gateway)?)));
        if let Some((gateway, list)) = unfit.next() {
            let place = route.destinations.first().map_or(route.node, |to| to.place());
            let message = format!("a route of `{}` does not apply at the server of {}", route.list, quoted(gateway));
            let help = format!("write it in `{list}`, or change the server's protocol and TLS mode");
            findings.push(finding(route.manifest.file, place, message, help));
        }
        if route.is_in_mesh() {
            findings.extend(at_sidecars(input, route).filter(|(port, _)| named.insert(*port)).map(|(_, found)| found));
        }
    }
    findings
}

/// The list that applies at all servers of a gateway for the hosts and ports of a route, if it is another one.
fn at_gateway(input: &Input<'_>, route: &Route<'_>, gateway: &str) -> Option<&'static str> {
    let ports = route.ports_at(gateway);
    let servers = input.set.servers_meant(route, gateway)?;
    let servers = servers.filter(|server| ports.as_ref().is_none_or(|ports| ports.contains(&server.port)));
    let lists: Option<Vec<_>> = servers.map(|server| Some(server.serves()?.list())).collect();
    let lists = lists?;
    let first = lists.first().copied()?;
    (!lists.contains(&route.list)).then_some(first)
}

/// Ports of the route's hosts at sidecars, if the route applies to none of them.
fn at_sidecars<'i>(input: &'i Input<'_>, route: &'i Route<'_>) -> impl Iterator<Item = (usize, Finding)> + use<'i> {
    let ports = route.ports_at("mesh");
    route.hosts.iter().filter_map(move |(_, host)| {
        let hosts = input.set.mesh.hosts(host);
        let all = hosts
            .iter()
            .filter(|own| own.name == *host)
            .flat_map(|own| own.ports.iter().map(|port| (own.manifest.file, port)));
        let all: Vec<_> =
            all.filter(|(_, port)| ports.as_ref().is_none_or(|numbers| numbers.contains(&port.number))).collect();
        let applies = |protocol| match route.list {
            "http" => matches!(protocol, Protocol::Http | Protocol::Detected),
            "tls" => matches!(protocol, Protocol::Tls | Protocol::Detected),
            _ => protocol != Protocol::Http,
        };
        let (file, port) = all.first().filter(|_| !all.iter().any(|(_, port)| applies(port.protocol)))?;
        let place = port.node.get("protocol").or_else(|| port.node.get("name")).unwrap_or(port.node);
        let message = format!(
            "sidecars do not apply routes of `{}` for {} to this port: they send connections on, past the route",
            route.list,
            quoted(host)
        );
        // Without a gateway between them the sidecar is the one that has to start TLS.
        let leads_there = route.destinations.iter().any(|to| to.host == *host);
        let help = match (route.list, port.protocol) {
            ("http", Protocol::Tls) if leads_there => {
                "write `protocol: HTTP` here and a DestinationRule with `tls: {mode: SIMPLE}`, or a route of `tls`"
            }
            _ => "write the protocol that callers speak here, or a route of another list",
        };
        Some((port.node.span.start, finding(*file, place, message, help)))
    })
}
