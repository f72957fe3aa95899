//! The tracer is not among the mesh's extension providers.
//!
//! `tracing.provider` is the name of one of Istio's extension providers. The list that `sallyport build`
//! writes replaces the list of the mesh, so a tracer that is not in the Mesh file's `extensionProviders` is
//! not in the mesh any more, and Istio sends no spans to a provider that it does not know. A list is written
//! if the Mesh file has `extensionProviders` or `accessLog: json`, or if a gateway has `opa`.
//!
//! Bad:
//!
//! ```yaml
//! # mesh.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Mesh
//! metadata: {name: mesh}
//! spec: {accessLog: json}
//! # httpbin.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//!   tracing: {mode: envoy, provider: otel}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # mesh.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Mesh
//! metadata: {name: mesh}
//! spec:
//!   accessLog: json
//!   extensionProviders:
//!   - {name: otel, opentelemetry: {service: otel.observability.svc.cluster.local, port: 4317}}
//! # httpbin.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//!   tracing: {mode: envoy, provider: otel}
//! ```
//!
//! Fix: Copy the provider from the mesh's configuration (`meshConfig.extensionProviders`) into
//! `extensionProviders` of the Mesh file, or write the name of one that is there.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::{Input, Subject};
use crate::model::{AccessLog, Mesh};
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::TracerNotInMesh, run, source: include_str!("tracer_not_in_mesh.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let Some((file, tree, mesh)) = input.mesh else { return Vec::new() };
    let with_opa = input.egresses.iter().any(|subject| subject.egress.spec.gateway.opa.is_some());
    let is_replaced = !mesh.extension_providers.is_empty() || mesh.access_log == AccessLog::Json || with_opa;
    if !is_replaced {
        return Vec::new();
    }
    // What the Mesh file says for all is reported once.
    let mut places = HashSet::new();
    let found = input.egresses.iter().filter_map(|subject| {
        let (message, help) = problem(mesh, subject.egress.spec.tracing.provider.as_ref()?.as_str())?;
        let (file, node) = place(subject, (file, tree));
        Some((file, node, message, help))
    });
    let found = found.filter(|(file, node, ..)| places.insert((*file, node.span.start)));
    found.map(|(file, node, message, help)| finding(file, node, message, help)).collect()
}

fn problem(mesh: &Mesh, name: &str) -> Option<(String, String)> {
    match mesh.providers().find(|provider| provider.name == name) {
        Some(provider) if provider.is_tracer() => None,
        Some(provider) => Some((
            format!("the provider {} is no tracer: it is `{}`", quoted(name), provider.kind),
            "write the name of a tracer among the `extensionProviders` of the Mesh file".to_owned(),
        )),
        None => Some((
            format!("the tracer {} is not among the `extensionProviders` of the Mesh file", quoted(name)),
            "copy it there from the mesh's configuration, whose list is replaced by that of `sallyport build`"
                .to_owned(),
        )),
    }
}

/// Where the name is written: in the Egress, or among the defaults of the Mesh.
fn place<'a>(subject: &'a Subject<'_>, (file, tree): (usize, &'a Node)) -> (usize, &'a Node) {
    match subject.tree.descend(&["spec", "tracing", "provider"]) {
        Some(own) => (subject.file, own),
        None => (file, tree.nearest("spec.defaults.tracing.provider")),
    }
}
