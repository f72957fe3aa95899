//! A gateway requires mutual TLS, but callers are not configured to use it.
//!
//! Istio uses mutual TLS automatically towards sidecars, never towards a gateway. Without a
//! DestinationRule for the gateway's Service, callers send plaintext to a server with `ISTIO_MUTUAL`
//! and get 503.
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
//! Fix: Write a DestinationRule for the Service with `tls: {mode: ISTIO_MUTUAL, sni: HOST}`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::CallersWithoutMtls, run, source: include_str!("callers_without_mtls.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let ruled: HashSet<&str> = input.set.client_tls.iter().map(|tls| tls.host.as_str()).collect();
    let mutual = input.set.servers.iter().filter(|server| server.tls_mode == Some("ISTIO_MUTUAL"));
    let hosts: HashSet<&str> = mutual.flat_map(|server| server.hosts.iter().map(|(_, host)| *host)).collect();
    let mut findings = Vec::new();
    for route in input.set.routes.iter().filter(|route| route.is_in_mesh()) {
        let Some((_, host)) = route.hosts.iter().find(|(_, host)| hosts.contains(host.as_str())) else { continue };
        for to in &route.destinations {
            if input.set.mesh.gateways.served_at(&to.host).is_some() && !ruled.contains(to.host.as_str()) {
                let (service, host) = (quoted(&to.host), quoted(host));
                let message = format!("the gateway requires mutual TLS, but no DestinationRule here is for {service}");
                let help = format!("write one with `tls: {{mode: ISTIO_MUTUAL, sni: {}}}`", host.trim_matches('`'));
                findings.push(finding(route.manifest.file, to.place(), message, help));
            }
        }
    }
    findings
}
