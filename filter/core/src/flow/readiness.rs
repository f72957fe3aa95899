//! The kubelet's readiness probe.
//!
//! It is answered on a port of its own and on no other. There the kubelet reaches the gate without a certificate, and no
//! caller may use that to get anything but this answer: by a policy that names callers it gets 404 for everything else, and by
//! another one what the policy says, but no route of that port leads anywhere.

use super::properties::Properties;
use super::worker::WorkerState;
use crate::answer::Answer;
use crate::engine::Engine;
use crate::health::READY_PATH;
use crate::request::needs::Needs;
use crate::request::pairs::{self, Pair};

/// What shows whether this is the kubelet's port.
pub(super) fn needs(engine: &Engine) -> Needs {
    if engine.readiness().is_some() { Needs::DESTINATION_PORT } else { Needs::default() }
}

/// Whether this is what the kubelet asks for.
pub(super) fn is_path(headers: &[Pair<'_>]) -> bool {
    pairs::first(headers, b":path").is_some_and(|path| path == READY_PATH.as_bytes())
}

/// Whether the request came in on the kubelet's port.
pub(super) fn is_port(engine: &Engine, properties: &Properties) -> bool {
    let port = engine.readiness().map(|readiness| i64::from(readiness.port));
    // Not the destination address: the port is a number, and a number cannot be spelled in two ways.
    port.is_some() && properties.number(Needs::DESTINATION_PORT) == port
}

/// The answer, if the request came in on the kubelet's port: to any other path there that there is nothing.
pub(super) fn answer(
    engine: &Engine,
    worker: &WorkerState,
    headers: &[Pair<'_>],
    properties: &Properties,
) -> Option<Answer> {
    let readiness = engine.readiness()?;
    // A caller with a certificate gets no way around the policy, whichever port it has found.
    if properties.has_mtls() || !is_port(engine, properties) {
        return None;
    }
    let is_ready = || !readiness.upstream || worker.is_ready(engine);
    Some(Answer::readiness(is_path(headers).then(is_ready)))
}

impl WorkerState {
    /// Whether some target gets requests and is healthy; without a gate the upstream always is.
    fn is_ready(&self, engine: &Engine) -> bool {
        engine.health().zip(self.health.as_ref()).is_none_or(|(policy, health)| health.monitor.is_ready(policy))
    }
}
