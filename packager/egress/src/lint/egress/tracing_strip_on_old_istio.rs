//! Istio 1.29 cannot keep Envoy's tracer from speaking after the filter.
//!
//! Where the mesh has a tracer, Envoy writes its own `traceparent` or `b3` after every filter: over what `standalone` has
//! written, and where `strip` has taken away. From 1.30 on the emitted Telemetry says `disableContextPropagation`; 1.29 has
//! no such field. In a mesh without a tracer all is well.
//!
//! Upgrade Istio, or write `tracing: {mode: envoy}`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::outbound::TracingMode;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let is_old = input.mesh.is_some_and(|(_, _, mesh)| mesh.minor().is_some_and(|minor| minor < 30));
    let written = |subject: &&crate::lint::input::Subject<'_>| subject.egress.spec.tracing.mode == TracingMode::Strip;
    let subjects = input.egresses.iter().filter(|_| is_old).filter(written);
    let message = "a tracer of the mesh would write its headers again";
    subjects
        .map(|subject| {
            subject.at("tracing.mode", message, "upgrade Istio to 1.30 or 1.31, or see that the mesh has no tracer")
        })
        .collect()
}
