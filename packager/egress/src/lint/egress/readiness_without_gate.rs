//! Pods are to be ready while their upstream is well, and nobody finds out whether it is.
//!
//! `readiness: upstream` goes by the gate, which `health.probe` and `health.passive` open. Without them a pod is ready while
//! it has its policy, as with `readiness: gateway`.
//!
//! Write one of them, or leave `readiness` out.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::health::Readiness;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let useless = input.egresses.iter().filter(|subject| {
        let health = &subject.egress.spec.health;
        health.readiness == Readiness::Upstream && health.probe.is_none() && health.passive.is_none()
    });
    let message = "nobody finds out whether the upstream is well";
    let help = "write `health.probe` or `health.passive`, or leave `readiness` out";
    useless.map(|subject| subject.at("health.readiness", message, help)).collect()
}
