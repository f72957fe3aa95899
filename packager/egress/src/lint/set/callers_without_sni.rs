//! Callers use mutual TLS towards a gateway without a server name that the gateway serves.
//!
//! A gateway chooses among its servers by the TLS server name. If the DestinationRule has no `sni`,
//! Istio sends the name of a cluster (`outbound_.443_._.gateway...`), which no server has, and the
//! connection is closed.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: VirtualService
//! metadata: {name: callers, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: httpbin-egress}}]}]}
//! ---
//! kind: DestinationRule
//! metadata: {name: callers, namespace: egress}
//! spec: {host: httpbin-egress, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: VirtualService
//! metadata: {name: callers, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: httpbin-egress}}]}]}
//! ---
//! kind: DestinationRule
//! metadata: {name: callers, namespace: egress}
//! spec: {host: httpbin-egress, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: httpbin.internal}}}
//! ```
//!
//! Fix: Write `sni` with a host of the Gateway's server.

use crate::code::Code;
use crate::import::names::{covers, meant};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::CallersWithoutSni, run, source: include_str!("callers_without_sni.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tls in input.set.client_tls.iter().filter(|tls| tls.mode == "ISTIO_MUTUAL") {
        let Some(served) = input.set.mesh.gateways.served_at(&tls.host) else { continue };
        let mut host = served.first().copied().unwrap_or("HOST");
        let (place, message) = match tls.node.get("sni") {
            None => {
                let message = "the server name will be the name of a cluster, which no gateway serves";
                (tls.node.get("mode"), message.to_owned())
            }
            Some(sni) => {
                let name = sni.text().unwrap_or_default();
                // Where a VirtualService has the name, too, the Gateway is to be mended.
                let is_of_route = input.set.unserved.iter().any(|one| one.host == name);
                if served.is_empty() || is_of_route || served.iter().any(|pattern| covers(pattern, name)) {
                    continue;
                }
                host = meant(name, served.iter().copied()).unwrap_or(host);
                (Some(sni), format!("no server of the gateway serves the name {}", quoted(name)))
            }
        };
        let help = format!("write `sni: {}`", quoted(host).trim_matches('`'));
        findings.push(finding(tls.manifest.file, place.unwrap_or(tls.node), message, help));
    }
    findings
}
