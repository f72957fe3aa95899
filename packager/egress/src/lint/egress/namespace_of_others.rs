//! A gateway is in a namespace of Istio or Kubernetes.
//!
//! Who may change one gateway may then change the control plane beside it, and what is set for a whole
//! namespace, such as Istio's root namespace, counts for the gateway, too: an AuthorizationPolicy there is
//! one for the whole mesh.
//!
//! Bad:
//!
//! ```yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: istio-system}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//! ```
//!
//! Good:
//!
//! ```yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: egress-httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//! ```
//!
//! Fix: Give the gateway a namespace of its own.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::ISTIO_NAMESPACE;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::NamespaceOfOthers, run, source: include_str!("namespace_of_others.rs") };

/// Namespaces that Kubernetes itself makes.
const OF_KUBERNETES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let istiod = input.mesh.map_or(ISTIO_NAMESPACE, |(_, _, mesh)| mesh.istiod.namespace.as_str());
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let namespace = subject.egress.namespace.as_str();
        let owner = match namespace {
            _ if namespace == istiod => "Istio's control plane",
            _ if OF_KUBERNETES.contains(&namespace) => "Kubernetes itself",
            _ => continue,
        };
        let message = format!("the namespace {} is that of {owner}", quoted(namespace));
        let help = format!("write a namespace of its own: `egress-{}`", subject.egress.name);
        findings.push(subject.of_metadata("namespace", message, help));
    }
    findings
}
