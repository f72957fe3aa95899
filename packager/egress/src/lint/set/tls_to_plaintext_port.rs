//! TLS is originated to port 80, where upstreams speak plaintext.
//!
//! Without a `targetPort` a ServiceEntry sends connections to the port number that callers use. A
//! DestinationRule that originates TLS for it sends TLS to the upstream's port for plaintext, which
//! answers 400 or closes the connection: every request ends with 503.
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
//!   ports: [{number: 80, name: http, protocol: HTTP}]
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   trafficPolicy: {tls: {mode: SIMPLE, sni: api.example.com, subjectAltNames: [api.example.com]}}
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
//!   trafficPolicy: {tls: {mode: SIMPLE, sni: api.example.com, subjectAltNames: [api.example.com]}}
//! ```
//!
//! Fix: Write the upstream's port for TLS as `targetPort` in the ServiceEntry.

use crate::code::Code;
use crate::import::Kind;
use crate::import::mesh::host::{Host, Port};
use crate::import::protocol::Protocol;
use crate::import::view::ClientTls;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::TlsToPlaintextPort, run, source: include_str!("tls_to_plaintext_port.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut named = HashSet::new();
    let mut findings = Vec::new();
    for tls in input.set.client_tls.iter().filter(|tls| tls.originates() && tls.subset.is_none()) {
        let hosts = input.set.mesh.hosts(&tls.host);
        let is_resolved = |host: &&Host<'_>| host.name == tls.host && is_at_its_own_port(host);
        if !hosts.iter().all(is_resolved) || !input.set.is_external(&tls.host) {
            continue;
        }
        let ports: Vec<_> = hosts.iter().flat_map(|host| host.ports.iter()).collect();
        if is_for_port_80(tls, &ports)
            && !is_led_elsewhere(input, tls)
            && named.insert((tls.manifest.file, tls.node.span.start))
        {
            let message =
                format!("this sends TLS to port 80 of {}, where upstreams speak plaintext", quoted(&tls.host));
            let help = "write `targetPort: 443`, or the upstream's port for TLS, in the ServiceEntry";
            findings.push(finding(tls.manifest.file, tls.node.get("mode").unwrap_or(tls.node), message, help));
        }
    }
    findings
}

/// Whether connections go to the ports of a ServiceEntry as they are written. Endpoints may have ports of their own.
fn is_at_its_own_port(host: &Host<'_>) -> bool {
    let spec = host.manifest.spec();
    let is_entry = host.manifest.kind == Kind::ServiceEntry;
    is_entry && spec.get("endpoints").is_none() && spec.get("workloadSelector").is_none()
}

/// Whether routes lead to other ports of the host alone: then what is wrong is said there.
fn is_led_elsewhere(input: &Input<'_>, tls: &ClientTls<'_>) -> bool {
    let leading = input.set.leading_to(&tls.host).filter(|(route, _)| route.is_http());
    let mut ports = leading.map(|(_, to)| to.port().map(|(_, number)| number)).peekable();
    ports.peek().is_some() && ports.all(|port| port.is_some_and(|number| number != "80"))
}

/// Whether the settings are for port 80 alone, and it is one of requests.
fn is_for_port_80(tls: &ClientTls<'_>, ports: &[&Port<'_>]) -> bool {
    let mut meant = ports.iter().filter(|port| tls.port.is_none_or(|own| own == port.number)).peekable();
    let is_80 = |port: &&Port<'_>| (port.number, port.target, port.protocol) == ("80", "80", Protocol::Http);
    meant.peek().is_some() && meant.all(is_80)
}
