//! There are standbys, and nothing that would ever send a request to them.
//!
//! A standby is asked while the gate is open, and the gate opens by `health.probe`, `health.passive` or
//! `health.override`.
//!
//! Write one of them, or leave `failover` out.

use crate::lint::finding::Finding;
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let useless = input.egresses.iter().filter(|subject| {
        let health = &subject.egress.spec.health;
        !health.failover.is_empty() && !health.has_gate()
    });
    let message = "no standby is ever asked: nothing opens the gate";
    let help = "write `health.probe` or `health.passive`, or leave `failover` out";
    useless.map(|subject| subject.at("health.failover", message, help)).collect()
}
