//! Two gateways of one namespace both create it.
//!
//! With `createNamespace` the manifests of an Egress include its Namespace. If those of two Egresses do, a
//! tool that owns what it applies, such as Argo CD, sees one object with two owners, and removing one of
//! the two gateways removes the namespace with the other one in it.
//!
//! Bad:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: partners}
//! spec:
//!   host: a.internal
//!   upstream: {host: a.example, port: 443}
//!   gateway: {createNamespace: true}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: partners}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443}
//!   gateway: {createNamespace: true}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: partners}
//! spec:
//!   host: a.internal
//!   upstream: {host: a.example, port: 443}
//!   gateway: {createNamespace: true}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: partners}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443}
//! ```
//!
//! Fix: Leave `createNamespace` out of all Egresses of the namespace but one, or give each its own namespace.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) const LINT: Lint =
    Lint { code: Code::NamespaceCreatedTwice, run, source: include_str!("namespace_created_twice.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let (mut first, mut findings) = (HashMap::new(), Vec::new());
    for subject in input.egresses.iter().filter(|subject| subject.egress.spec.gateway.create_namespace) {
        let namespace = subject.egress.namespace.as_str();
        if let Some(other) = first.get(namespace).and_then(|file: &usize| input.files.get(*file)) {
            let message = format!("the namespace {} is also created by {}", quoted(namespace), quoted(&other.name));
            let help = "write `createNamespace: false`: one of the two is enough";
            findings.push(subject.at("gateway.createNamespace", message, help));
        } else {
            first.insert(namespace, subject.file);
        }
    }
    findings
}
