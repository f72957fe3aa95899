//! A route leads to a port that its host does not have, or that no server of the gateway has.
//!
//! Istio accepts the route. There is no cluster for such a port, so every request gets 503; and where a
//! Service has a port that no server of its gateway has, nothing listens there.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], http: [{route: [{destination: {host: api.example.com, port: {number: 443}}}]}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], http: [{route: [{destination: {host: api.example.com, port: {number: 80}}}]}]}
//! ```
//!
//! Fix: Write a port of the host, or add this one to the ServiceEntry, the Service or the Gateway.

use crate::code::Code;
use crate::import::view::{Destination, Route, Server};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::UnknownPort, run, source: include_str!("unknown_port.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in &input.set.routes {
        for to in &route.destinations {
            let Some((node, number)) = to.port() else { continue };
            let hosts = input.set.mesh.hosts(&to.host);
            let mut numbers: Vec<_> = hosts.iter().flat_map(|host| host.ports.iter()).map(|port| port.number).collect();
            numbers.dedup();
            let host = quoted(&to.full_host());
            if !numbers.is_empty() && !numbers.contains(&number) {
                let message = format!("{host} has no port {}", quoted(number));
                let help = format!("write one of its ports: {}", quoted(&numbers.join(", ")));
                findings.push(finding(route.manifest.file, node, message, help));
            } else if let Some(servers) = not_listening(input, route, to, number) {
                let message = format!("no server of the gateway listens behind port {} of {host}", quoted(number));
                let help = format!("write the port of a server: {}", quoted(&servers));
                findings.push(finding(route.manifest.file, node, message, help));
            }
        }
    }
    findings
}

/// The ports of the gateway's servers, if the Service is here and leads to none of them.
fn not_listening(input: &Input<'_>, route: &Route<'_>, to: &Destination<'_>, number: &str) -> Option<String> {
    let mesh = &input.set.mesh;
    let port = mesh.ports(to).into_iter().next();
    let gateways: Vec<_> = mesh.gateways.behind(&to.host).collect();
    let servers: Vec<Server<'_>> = gateways.into_iter().flat_map(Server::of).collect();
    let is_its_host = servers.iter().any(|server| route.hosts.iter().any(|(_, host)| server.is_for(host)));
    // Where the Service is not here it may lead to other ports of pods, but not to those below 1024.
    let is_unknown = |port: &str| port.parse::<u16>().is_ok_and(|number| number >= 1024);
    let may_be_mapped = match port {
        Some(port) => port.target.parse::<u16>().is_err(),
        None => servers.iter().any(|server| is_unknown(server.port)),
    };
    let target = port.map(|port| port.target);
    let listens = servers.iter().any(|server| server.port == number || Some(server.port) == target);
    if !route.is_in_mesh() || !is_its_host || may_be_mapped || listens {
        return None;
    }
    let mut ports: Vec<_> = servers.iter().map(|server| server.port).collect();
    ports.dedup();
    Some(ports.join(", "))
}
