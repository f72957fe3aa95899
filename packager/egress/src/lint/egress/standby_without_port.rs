//! A standby lacks a port that callers use.
//!
//! Callers do not know which upstream answers them. A request to a port that the standby does not have
//! could go nowhere while it stands in, so each port of an upstream must be among the `ports` of its
//! standbys, too.
//!
//! Bad:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   ports: [{port: 9000, upstreamPort: 9443}]
//!   upstream: {host: a.example, port: 443}
//!   health: {passive: {}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   ports: [{port: 9000, upstreamPort: 9443}]
//!   upstream: {host: a.example, port: 443}
//!   health: {passive: {}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   ports: [{port: 9000, upstreamPort: 9444}]
//!   upstream: {host: b.example, port: 443}
//! ```
//!
//! Fix: Add the port to the standby's `ports`, with the standby's own port behind it.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::StandbyWithoutPort, run, source: include_str!("standby_without_port.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (position, standby) in subject.standbys(input) {
            let mut ports = subject.egress.spec.ports.iter().map(|port| port.port);
            if let Some(port) = ports.find(|port| standby.upstream_port(*port).is_none()) {
                let message =
                    format!("callers use the port {port}, which the standby {} does not have", quoted(&standby.name));
                let help = format!("add it to the standby's file: `ports: [{{port: {port}, upstreamPort: ...}}]`");
                findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
            }
        }
    }
    findings
}
