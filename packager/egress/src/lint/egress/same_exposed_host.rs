//! Two Egress files are exposed under the same host of the same ingress gateway.
//!
//! The ingress gateway distinguishes upstreams by host. With one host in two files Istio merges or
//! drops one of the routes, so requests from outside the mesh reach the wrong upstream, under the wrong
//! policy.
//!
//! Bad:
//!
//! ```yaml
//! # httpbin.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   expose: {host: api.example.com, credentialName: api-cert}
//!   upstream: {host: httpbin.org, port: 443}
//! # ledger.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: ledger, namespace: ledger}
//! spec:
//!   host: ledger.internal
//!   expose: {host: api.example.com, credentialName: api-cert}
//!   upstream: {host: ledger.example, port: 443}
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
//!   expose: {host: httpbin.example.com, credentialName: api-cert}
//!   upstream: {host: httpbin.org, port: 443}
//! # ledger.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: ledger, namespace: ledger}
//! spec:
//!   host: ledger.internal
//!   expose: {host: ledger.example.com, credentialName: api-cert}
//!   upstream: {host: ledger.example, port: 443}
//! ```
//!
//! Fix: Give each Egress its own exposed host.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameExposedHost, run, source: include_str!("same_exposed_host.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let (mut first, mut findings) = (HashMap::new(), Vec::new());
    for subject in &input.egresses {
        let Some(expose) = &subject.egress.spec.expose else { continue };
        for (position, host) in expose.hosts().enumerate() {
            let key = (expose.gateway.as_str(), host.as_str());
            if let Some(other) = first.get(&key).and_then(|file: &usize| input.files.get(*file)) {
                let message = format!("the host {} is also exposed by {}", quoted(host), quoted(&other.name));
                let path = position.checked_sub(1).map_or("host".to_owned(), |alias| format!("aliases[{alias}]"));
                findings.push(subject.at(&format!("expose.{path}"), message, "give each Egress its own host"));
            } else {
                first.insert(key, subject.file);
            }
        }
    }
    findings
}
