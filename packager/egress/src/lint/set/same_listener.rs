//! Two Gateways open the same host and port on the same pods.
//!
//! Istio silently lets one of the two servers win: requests for one upstream are accepted with the TLS
//! settings of the other, under its policy.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: shared}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: Gateway
//! metadata: {name: copy, namespace: egress}
//! spec:
//!   selector: {gateway: shared}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
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
//! kind: Gateway
//! metadata: {name: copy, namespace: egress}
//! spec:
//!   selector: {gateway: copy}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ```
//!
//! Fix: Give each upstream its own pods with their own label, or its own host.

use crate::code::Code;
use crate::import::Manifest;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameListener, run, source: include_str!("same_listener.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut first: HashMap<(String, &str, &str), &Manifest> = HashMap::new();
    let mut findings = Vec::new();
    for server in &input.set.servers {
        // On a plaintext port for any host Istio merges the two, and the routes distinguish upstreams.
        let is_merged = |host: &str| host == "*" && server.tls_mode.is_none();
        for (node, host) in server.hosts.iter().filter(|(_, host)| !is_merged(host)) {
            let key = (server.manifest.selector_text(), server.port, *host);
            let other = *first.entry(key).or_insert(server.manifest);
            if !other.is_same_object(server.manifest) {
                let message = format!(
                    "the Gateway {} also opens port {} for {} on the same pods",
                    quoted(&format!("{}/{}", other.namespace, other.name)),
                    quoted(server.port),
                    quoted(host)
                );
                let help = "give each upstream its own pods with their own label";
                findings.push(finding(server.manifest.file, node, message, help));
            }
        }
    }
    findings
}
