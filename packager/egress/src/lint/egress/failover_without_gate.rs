//! `health.failover` has standbys, but nothing ever sends requests to them.
//!
//! A standby gets requests while the gate is open, and only `health.probe`, `health.passive` or
//! `health.override` open the gate. The file has none of them.
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
//!   upstream: {host: a.example, port: 443}
//!   health: {failover: [b]}
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
//!   upstream: {host: a.example, port: 443}
//!   health: {probe: {path: /health}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443}
//! ```
//!
//! Fix: Write `health.probe` or `health.passive`, or remove `failover`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::FailoverWithoutGate, run, source: include_str!("failover_without_gate.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let useless = input.egresses.iter().filter(|subject| {
        let health = &subject.egress.spec.health;
        !health.failover.is_empty() && !health.has_gate()
    });
    let message = "no standby ever gets a request: nothing opens the gate";
    let help = "write `health.probe` or `health.passive`, or remove `failover`";
    useless.map(|subject| subject.at("health.failover", message, help)).collect()
}
