//! A VirtualService has a host that no server of its Gateways serves.
//!
//! A gateway takes routes for the hosts of its servers alone, and for those of `NAMESPACE/HOST` only routes
//! of that namespace. Istio accepts the VirtualService; the routes never apply, and the gateway answers 404
//! or closes the connection.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.exmaple.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com}}]}]
//! ```
//!
//! Fix: Write the same host in both, or add a server for it to the Gateway.

use crate::code::Code;
use crate::import::mesh::served::Why;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::HostNotServed, run, source: include_str!("host_not_served.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut named = HashSet::new();
    for one in &input.set.unserved {
        let (gateway, host) = (quoted(&one.gateway), quoted(&one.host));
        let absent = format!("no server of the Gateway {gateway} serves {host}");
        let (file, node, message, help) = match &one.why {
            Why::Absent { hosts, more } => {
                let more = if *more > 0 { format!(", or one of {more} more") } else { String::new() };
                let help = format!("write one of its hosts: {}{more}", quoted(&hosts.join(", ")));
                (one.route.file, one.node, absent, help)
            }
            Why::Misspelt { meant } => (one.route.file, one.node, absent, format!("did you mean {}?", quoted(meant))),
            Why::MisspeltAtServer { file, node } => {
                let message = format!("the VirtualService for {host} never applies: no server here serves that host");
                (*file, *node, message, format!("did you mean {host}?"))
            }
            Why::OfNamespace { namespace } => {
                let of = quoted(namespace);
                let message = format!("the Gateway {gateway} takes routes for {host} of the namespace {of} alone");
                (
                    one.route.file,
                    one.node,
                    message,
                    format!("move it there, or write {host} without a namespace in the server"),
                )
            }
            Why::OtherGateways => {
                let message = format!("the Gateway {gateway} serves no host of this VirtualService");
                (one.route.file, one.node, message, "remove it, or add a server for a host to the Gateway".to_owned())
            }
        };
        if named.insert((file, node.span.start)) {
            findings.push(finding(file, node, message, help));
        }
    }
    findings
}
