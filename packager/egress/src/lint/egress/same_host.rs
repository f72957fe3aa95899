//! Two Egress files have the same `host`.
//!
//! Callers in the mesh name an upstream by its host alone. With one host in two files Istio silently
//! keeps only the older route, so requests for one upstream reach the other one, under the other one's
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
//!   upstream: {host: httpbin.org, port: 443}
//! # copy.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: copy, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.example, port: 443}
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
//! # copy.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: copy, namespace: httpbin}
//! spec:
//!   host: copy.internal
//!   upstream: {host: httpbin.example, port: 443}
//! ```
//!
//! Fix: Give each Egress its own `host` and `aliases`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint = Lint { code: Code::SameHost, run, source: include_str!("same_host.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let (mut first, mut findings) = (HashMap::new(), Vec::new());
    for subject in &input.egresses {
        for (position, host) in subject.egress.hosts().enumerate() {
            let host = host.as_str();
            if let Some(other) = first.get(host).and_then(|file: &usize| input.files.get(*file)) {
                let message = format!("the host {} is also a host of {}", quoted(host), quoted(&other.name));
                let path = position.checked_sub(1).map_or("host".to_owned(), |alias| format!("aliases[{alias}]"));
                findings.push(subject.at(&path, message, "give each Egress its own hosts"));
            } else {
                first.insert(host, subject.file);
            }
        }
    }
    findings
}
