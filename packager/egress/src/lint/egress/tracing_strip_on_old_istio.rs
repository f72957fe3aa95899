//! Istio 1.29 cannot stop Envoy's tracer from adding trace headers after the filter.
//!
//! Where the mesh has a tracer, Envoy writes its own `traceparent` or `b3` after every filter, so
//! `mode: strip` does not remove them. From Istio 1.30 on, the emitted Telemetry sets
//! `disableContextPropagation`; 1.29 has no such field. In a mesh without a tracer `mode: strip` works.
//!
//! Bad:
//!
//! ```yaml
//! # mesh.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Mesh
//! metadata: {name: mesh}
//! spec: {istioVersion: "1.29"}
//! # httpbin.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//!   tracing: {mode: strip}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # mesh.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Mesh
//! metadata: {name: mesh}
//! spec: {istioVersion: "1.31"}
//! # httpbin.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: httpbin, namespace: httpbin}
//! spec:
//!   host: httpbin.internal
//!   upstream: {host: httpbin.org, port: 443}
//!   tracing: {mode: strip}
//! ```
//!
//! Fix: Upgrade Istio, or make sure that the mesh has no tracer.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::IstioVersion;
use sallyport_core::wire::TracingMode;

pub(super) const LINT: Lint =
    Lint { code: Code::TracingStripOnOldIstio, run, source: include_str!("tracing_strip_on_old_istio.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let is_old = input.mesh.is_some_and(|(_, _, mesh)| mesh.istio_version < IstioVersion::V1_30);
    let written = |subject: &&crate::lint::input::Subject<'_>| subject.egress.spec.tracing.mode == TracingMode::Strip;
    let subjects = input.egresses.iter().filter(|_| is_old).filter(written);
    let message = "if the mesh has a tracer, Envoy adds its trace headers again";
    subjects
        .map(|subject| {
            subject.at(
                "tracing.mode",
                message,
                "upgrade Istio to 1.30 or 1.31, or make sure that the mesh has no tracer",
            )
        })
        .collect()
}
