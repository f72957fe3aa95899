//! A policy of a gateway is for a host that the gateway does not serve, and that is near to one that it does.
//!
//! Istio compares `hosts` of an operation with the requests' own hosts, and accepts any name. A DENY for a
//! misspelt host refuses nothing; an ALLOW for it allows nothing.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [orders.example.com]}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   rules: [{to: [{operation: {hosts: [ordres.example.com]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [orders.example.com]}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   rules: [{to: [{operation: {hosts: [orders.example.com]}}]}]
//! ```
//!
//! Fix: Write a host of the gateway's servers.

use crate::code::Code;
use crate::import::Kind;
use crate::import::names::{MOST_COMPARED, meant};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::BTreeSet;

pub(super) const LINT: Lint =
    Lint { code: Code::PolicyForUnservedHost, run, source: include_str!("policy_for_unserved_host.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let policies = input.set.of(Kind::AuthorizationPolicy);
    for policy in policies.filter(|policy| !policy.selected_labels().is_empty()) {
        let rules = policy.rules().iter().flat_map(|rule| rule.items_at(&["to"]));
        let operations = rules.filter_map(|to| to.get("operation"));
        let lists = operations.flat_map(|one| ["hosts", "notHosts"].map(|list| one.items_at(&[list])));
        let mut written = lists.flatten().filter(|node| node.text().is_some_and(|host| !host.contains('*'))).peekable();
        if written.peek().is_none() {
            continue;
        }
        let servers = input.set.servers_under(policy);
        let served: BTreeSet<&str> = servers.iter().flat_map(|server| &server.hosts).map(|(_, host)| *host).collect();
        for node in written.filter(|_| served.len() <= MOST_COMPARED) {
            let text = node.text().unwrap_or_default();
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            if servers.iter().any(|server| server.is_for(host)) {
                continue;
            }
            if let Some(near) = meant(host, served.iter().copied()) {
                let message = format!("no server of the gateway that this policy is for serves {}", quoted(host));
                let near = port.map_or(near.to_owned(), |port| format!("{near}:{port}"));
                findings.push(finding(policy.file, node, message, format!("did you mean {}?", quoted(&near))));
            }
        }
    }
    findings
}
