//! `readiness: upstream` is set, but nothing checks whether the upstream is healthy.
//!
//! With this setting the gateway's pods are ready only while the upstream is healthy. Without a probe
//! and without passive checks, a pod is ready as soon as it has its policy, as with
//! `readiness: gateway`.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {readiness: upstream}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {readiness: upstream, probe: {path: /status/200}}
//! ```
//!
//! Fix: Write `health.probe` or `health.passive`, or remove `readiness`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::health::Readiness;

pub(super) const LINT: Lint =
    Lint { code: Code::ReadinessWithoutGate, run, source: include_str!("readiness_without_gate.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let useless = input.egresses.iter().filter(|subject| {
        let health = &subject.egress.spec.health;
        health.readiness == Readiness::Upstream && health.probe.is_none() && health.passive.is_none()
    });
    let message = "nothing checks whether the upstream is healthy";
    let help = "write `health.probe` or `health.passive`, or remove `readiness`";
    useless.map(|subject| subject.at("health.readiness", message, help)).collect()
}
