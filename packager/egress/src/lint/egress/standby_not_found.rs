//! `health.failover` names an Egress that is not among the files.
//!
//! The gateway's route to a standby is made from the standby's own Egress: its host, its TLS and its
//! timeouts. Without that file there is no route, so `sallyport build` refuses to continue.
//! `sallyport run` serves one file and uses no standbys.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {passive: {}, failover: [httpbin-2]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # httpbin.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//!   health: {passive: {}, failover: [httpbin-2]}
//! # httpbin-2.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin-2, namespace: httpbin}
//! spec:
//!   host: httpbin-2.internal
//!   upstream: {host: httpbin.example, port: 443}
//! ```
//!
//! Fix: Check and build both files together. A standby is in the same namespace as the Egress that
//! names it.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::StandbyNotFound, run, source: include_str!("standby_not_found.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let namespace = &subject.egress.namespace;
        for (position, name) in subject.egress.spec.health.failover.iter().enumerate() {
            if !input.names.contains(&(namespace.to_string(), name.to_string())) {
                let message = format!("the Egress {} is not among these files", quoted(&format!("{namespace}/{name}")));
                let help = "check its file together with this one, or remove the entry";
                findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
            }
        }
    }
    findings
}
