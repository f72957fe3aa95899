//! A ServiceEntry declares the protocol `TLS` for a port where the gateway itself starts TLS.
//!
//! `TLS` means bytes that the caller has already encrypted. Dashboards and other proxies that the entry
//! is exported to do not expect HTTP there, and the traffic of a caller that does encrypt is encrypted
//! twice.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}
//! ---
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec: {host: httpbin.org, trafficPolicy: {tls: {mode: SIMPLE}}}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http: [{route: [{destination: {host: httpbin.org}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org], resolution: DNS, ports: [{number: 443, name: https, protocol: HTTPS}]}
//! ---
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec: {host: httpbin.org, trafficPolicy: {tls: {mode: SIMPLE}}}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http: [{route: [{destination: {host: httpbin.org}}]}]
//! ```
//!
//! Fix: Write `protocol: HTTPS`: HTTP, encrypted with TLS.

use crate::code::Code;
use crate::import::Kind;
use crate::import::view::entry_hosts;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::ServiceEntryWithTls, run, source: include_str!("service_entry_with_tls.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let rules = input.set.client_tls.iter().filter(|tls| tls.originates());
    let originated: HashSet<&str> = rules.map(|tls| tls.host.as_str()).collect();
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let gets_requests =
            |host: &&str| input.set.leading_to(host).any(|(route, _)| route.is_http() && route.is_at_gateway());
        let mut hosts = entry_hosts(entry).filter(|host| originated.contains(host));
        let Some(host) = hosts.find(gets_requests) else { continue };
        let protocols = entry.spec().items_at(&["ports"]).iter().filter_map(|port| port.get("protocol"));
        for protocol in protocols.filter(|protocol| protocol.text() == Some("TLS")) {
            let message = format!("the gateway sends HTTP to {} and starts TLS itself", quoted(host));
            findings.push(finding(entry.file, protocol, message, "write `HTTPS`"));
        }
    }
    findings
}
