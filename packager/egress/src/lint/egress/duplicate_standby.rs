//! `health.failover` names a standby twice.
//!
//! Standbys are tried in order, and the first healthy one gets the request. A second mention changes
//! nothing, so another name was probably intended.
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
//!   health: {passive: {}, failover: [b, b]}
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
//! Fix: Name each standby once.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::DuplicateStandby, run, source: include_str!("duplicate_standby.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let mut seen = HashSet::new();
        for (position, name) in subject.egress.spec.health.failover.iter().enumerate() {
            if !seen.insert(name) {
                let message = format!("the standby {} is named twice", quoted(name));
                let path = format!("health.failover[{position}]");
                findings.push(subject.at(&path, message, "name each standby once"));
            }
        }
    }
    findings
}
