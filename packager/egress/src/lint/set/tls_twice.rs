//! A proxy puts TLS around connections that are TLS already.
//!
//! A port with the protocol `HTTPS` or `TLS` has connections that callers have encrypted, and so does a
//! route of `tls`. A DestinationRule with `SIMPLE` or `MUTUAL` encrypts them again, and the upstream,
//! which finds TLS inside of TLS, closes them. Callers that speak plain HTTP on that port are not
//! understood at all. Mutual TLS of the mesh towards a gateway that passes TLS on ends at the upstream, too.
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
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   workloadSelector: {matchLabels: {app: orders}}
//!   trafficPolicy:
//!     portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE, sni: api.example.com}}]
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
//!   ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   workloadSelector: {matchLabels: {app: orders}}
//!   trafficPolicy:
//!     portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, sni: api.example.com}}]
//! ```
//!
//! Fix: Let callers speak HTTP on a port with `protocol: HTTP` and `targetPort: 443`; or remove the TLS
//! settings, and let callers speak HTTPS.

use crate::code::Code;
use crate::import::Kind;
use crate::import::protocol::Protocol;
use crate::import::view::{ClientTls, Serves};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::TlsTwice, run, source: include_str!("tls_twice.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tls in input.set.client_tls.iter().filter(|tls| tls.originates()) {
        let place = tls.node.get("mode").unwrap_or(tls.node);
        let host = quoted(&tls.host);
        if is_passed_on(input, tls) {
            let message = format!("a route of `tls` passes the caller's TLS on to {host}, and this puts TLS around it");
            let help = "remove it, or end TLS at the gateway and route with `http`";
            findings.push(finding(tls.manifest.file, place, message, help));
        } else if let Some(port) = port_of_callers(input, tls) {
            let message = format!(
                "sidecars take connections to port {} of {host} for the caller's TLS, and this puts TLS around them",
                quoted(port)
            );
            let help = "write a port with `protocol: HTTP` and `targetPort: 443` for it";
            findings.push(finding(tls.manifest.file, place, message, help));
        }
    }
    let mut named = HashSet::new();
    for route in input.set.routes.iter().filter(|route| route.is_in_mesh()) {
        for to in &route.destinations {
            let servers = input.set.mesh.servers_at(route, to);
            if servers.is_empty() || !servers.iter().all(|server| server.serves() == Some(Serves::PassedTls)) {
                continue;
            }
            let of_mesh = |tls: &&ClientTls<'_>| tls.mode == "ISTIO_MUTUAL" && tls.may_be_for(to);
            for tls in input.set.client_tls_of(&to.host).filter(of_mesh) {
                let place = tls.node.get("mode").unwrap_or(tls.node);
                if named.insert((tls.manifest.file, place.span.start)) {
                    let message = "the gateway passes this TLS on to the upstream, which does not know the mesh's";
                    let help = "remove it, or write `tls: {mode: ISTIO_MUTUAL}` in the Gateway's server";
                    findings.push(finding(tls.manifest.file, place, message, help));
                }
            }
        }
    }
    findings
}

fn is_passed_on(input: &Input<'_>, tls: &ClientTls<'_>) -> bool {
    let mut leading = input.set.leading_to(&tls.host).filter(|(route, _)| route.list == "tls");
    leading.any(|(_, to)| tls.may_be_for(to))
}

/// A port with TLS of callers to which the settings of some sidecars apply, and to which no proxy sends requests that it has
/// read. Without a `workloadSelector` the settings may be those of a gateway, unless they are for the port and no gateway is
/// here.
fn port_of_callers<'s>(input: &'s Input<'_>, tls: &ClientTls<'_>) -> Option<&'s str> {
    let mut gateways = input.set.manifests.iter();
    let has_gateway = gateways.any(|one| matches!(one.kind, Kind::Gateway | Kind::KubernetesGateway));
    if tls.manifest.spec().get("workloadSelector").is_none() && (has_gateway || tls.port.is_none()) {
        return None;
    }
    let hosts = input.set.mesh.hosts(&tls.host);
    let ports: Vec<_> = hosts.iter().filter(|host| host.name == tls.host).flat_map(|host| host.ports.iter()).collect();
    let is_for_all = tls.port.is_none() && ports.iter().all(|port| port.protocol == Protocol::Tls);
    let mut meant = ports.iter().filter(|port| is_for_all || tls.port == Some(port.number));
    let port = meant.find(|port| port.protocol == Protocol::Tls)?;
    let mut read = input.set.leading_to(&tls.host).filter(|(route, _)| route.is_http());
    let is_read = read.any(|(_, to)| to.port().is_none_or(|(_, number)| number == port.number));
    let is_routed = is_read || tls.subset.is_some() || input.set.is_routed_by_gateway_api(&tls.host);
    (!is_routed).then_some(port.number)
}
