//! An EnvoyFilter for a gateway patches what a gateway does not have.
//!
//! Listeners and routes of a gateway have the context `GATEWAY`. A patch for a context of sidecars, or
//! for a port on which the gateway's pods do not listen, is accepted and changes nothing, so the limit
//! or the header that it was for is not there. The port is that of the pods: the `targetPort` of the
//! Service, where that is not the server's.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [api.example.com], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: EnvoyFilter
//! metadata: {name: limits, namespace: egress}
//! spec:
//!   workloadSelector: {labels: {app: partner-egress}}
//!   configPatches:
//!   - applyTo: LISTENER
//!     match: {context: SIDECAR_OUTBOUND}
//!     patch: {operation: MERGE, value: {per_connection_buffer_limit_bytes: 32768}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [api.example.com], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: EnvoyFilter
//! metadata: {name: limits, namespace: egress}
//! spec:
//!   workloadSelector: {labels: {app: partner-egress}}
//!   configPatches:
//!   - applyTo: LISTENER
//!     match: {context: GATEWAY}
//!     patch: {operation: MERGE, value: {per_connection_buffer_limit_bytes: 32768}}
//! ```
//!
//! Fix: Write `context: GATEWAY`, and the port on which the pods listen.

use crate::code::Code;
use crate::import::view::Server;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::BTreeSet;

pub(super) const LINT: Lint =
    Lint { code: Code::PatchWithoutEffect, run, source: include_str!("patch_without_effect.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for filter in input.set.of(Kind::EnvoyFilter).filter(|filter| filter.selects_some_pods()) {
        let gateways = input.set.gateways.overlapping(filter);
        let Some(gateway) = gateways.first() else { continue };
        let ports = listening(input, &gateways);
        for matches in filter.spec().items_at(&["configPatches"]).iter().filter_map(|patch| patch.get("match")) {
            let name = quoted(&gateway.qualified());
            let of_sidecars = |context: &&Node| matches!(context.text(), Some("SIDECAR_INBOUND" | "SIDECAR_OUTBOUND"));
            if let Some(context) = matches.get("context").filter(of_sidecars) {
                let message = format!("the pods of the Gateway {name} have nothing of this context");
                findings.push(finding(filter.file, context, message, "write `GATEWAY`"));
                continue;
            }
            let port = matches.descend(&["listener", "portNumber"]);
            let is_absent = |port: &&Node| port.text().is_some_and(|port| !ports.contains(port));
            if let Some(port) = port.filter(|_| !ports.is_empty()).filter(is_absent) {
                let message = format!("the pods of the Gateway {name} do not listen on this port");
                let listening: Vec<_> = ports.iter().copied().collect();
                let help = format!("write one of theirs: {}", quoted(&listening.join(", ")));
                findings.push(finding(filter.file, port, message, help));
            }
        }
    }
    findings
}

/// The ports on which pods of the Gateways listen; none if no Service here says what it maps them to.
fn listening<'a>(input: &Input<'a>, gateways: &[&'a Manifest]) -> BTreeSet<&'a str> {
    let is_theirs = |service: &&Manifest| {
        let host = service.service_host();
        input.set.mesh.gateways.behind(&host).any(|own| gateways.iter().any(|gateway| gateway.is_same_object(own)))
    };
    let services: Vec<_> = input.set.of(Kind::Service).filter(is_theirs).collect();
    let listed = services.iter().flat_map(|service| service.spec().items_at(&["ports"]));
    let mapped: Vec<_> = listed
        .filter_map(|port| {
            let number = port.text_at(&["port"])?;
            Some((number, port.text_at(&["targetPort"]).unwrap_or(number)))
        })
        .collect();
    if mapped.is_empty() || mapped.iter().any(|(_, target)| target.parse::<u16>().is_err()) {
        return BTreeSet::new();
    }
    // A server whose port no Service has listens on that port itself.
    let servers = gateways.iter().flat_map(|gateway| Server::of(gateway)).map(|server| server.port);
    let own = servers.filter(|port| !mapped.iter().any(|(number, _)| number == port));
    mapped.iter().map(|(_, target)| *target).chain(own).collect()
}
