//! A `match` of a route is for connections that never come, or that Istio refuses.
//!
//! Server names in `sniHosts` have to be among the VirtualService's hosts: Istio refuses others. A `port` is
//! one of a gateway's server, or of the host that callers use; with another, the match never applies.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: TLS}, hosts: [api.example.com], tls: {mode: PASSTHROUGH}}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   tls:
//!   - match: [{port: 8443, sniHosts: [api.example.com]}]
//!     route: [{destination: {host: api.example.com}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: TLS}, hosts: [api.example.com], tls: {mode: PASSTHROUGH}}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   tls:
//!   - match: [{port: 443, sniHosts: [api.example.com]}]
//!     route: [{destination: {host: api.example.com}}]
//! ```
//!
//! Fix: Write a host of the VirtualService, and a port of the Gateway's server or of the host.

use crate::code::Code;
use crate::import::names::{KnownNames, patterns_over};
use crate::import::view::{Route, matched_at};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const LINT: Lint =
    Lint { code: Code::MatchNeverApplies, run, source: include_str!("match_never_applies.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut of_services: HashMap<(usize, usize), Hosts<'_>> = HashMap::new();
    for route in input.set.routes.iter().filter(|route| input.set.unserved_hosts(route.manifest).next().is_none()) {
        let place = (route.manifest.file, route.manifest.title().span.start);
        let hosts = of_services.entry(place).or_insert_with(|| Hosts::of(input, route));
        for one in route.node.items_at(&["match"]) {
            findings.extend(one.items_at(&["sniHosts"]).iter().filter_map(|node| foreign_name(route, hosts, node)));
            findings.extend(absent_port(input, route, hosts, one));
        }
    }
    findings
}

/// The hosts of a VirtualService.
struct Hosts<'a> {
    written: HashSet<&'a str>,
    known: KnownNames<'a>,
    /// The ports of the hosts in the mesh; `None` if not all are known.
    ports: Option<HashSet<&'a str>>,
}

impl<'a> Hosts<'a> {
    fn of(input: &Input<'a>, route: &Route<'a>) -> Self {
        let written: HashSet<&str> = route.hosts.iter().filter_map(|(node, _)| node.text()).collect();
        let of_host = |host: &str| {
            let own = input.set.mesh.hosts(host).into_iter().filter(|own| own.name == host);
            let ports: Vec<_> = own.flat_map(|own| own.ports.iter().map(|port| port.number)).collect();
            (!ports.is_empty()).then_some(ports)
        };
        let ports: Option<Vec<_>> = route.hosts.iter().map(|(_, host)| of_host(host)).collect();
        let ports = ports.map(|ports| ports.into_iter().flatten().collect());
        Self { known: KnownNames::new(written.iter().copied()), written, ports }
    }
}

/// A server name that is not among the hosts of the VirtualService.
fn foreign_name(route: &Route<'_>, hosts: &Hosts<'_>, node: &Node) -> Option<Finding> {
    let name = node.text()?;
    let is_written = |name: &str| hosts.written.contains(name);
    if hosts.written.is_empty() || is_written(name) || patterns_over(name).any(|over| is_written(&over)) {
        return None;
    }
    let message = format!("Istio refuses this: {} is not among the VirtualService's `hosts`", quoted(name));
    let help = match hosts.known.meant(name, |_| true) {
        Some(host) => format!("did you mean {}?", quoted(host)),
        None => "add it to `hosts`, or write one of them".to_owned(),
    };
    Some(finding(route.manifest.file, node, message, help))
}

/// A port that none of the places has for which the match is.
fn absent_port(input: &Input<'_>, route: &Route<'_>, hosts: &Hosts<'_>, one: &Node) -> Option<Finding> {
    let node = one.get("port")?;
    let number = node.text()?;
    let places = matched_at(route.manifest, one);
    let mut known: Vec<&str> = Vec::new();
    for place in &places {
        if place == "mesh" {
            // Sidecars route requests for any host of a VirtualService on port 80.
            known.extend(hosts.ports.as_ref()?.iter().copied().chain(route.is_http().then_some("80")));
        } else {
            known.extend(input.set.servers_meant(route, place)?.map(|server| server.port));
        }
    }
    if known.is_empty() || known.contains(&number) {
        return None;
    }
    let known: BTreeSet<&str> = known.into_iter().collect();
    let message = format!("this never matches: there is no port {} where it applies", quoted(number));
    let known: Vec<_> = known.into_iter().collect();
    Some(finding(route.manifest.file, node, message, format!("write one of: {}", quoted(&known.join(", ")))))
}
