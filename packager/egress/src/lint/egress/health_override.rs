//! Somebody has decided in place of the gate.
//!
//! `health.override` is for the hour of a repair. Left behind, it is found out with the next outage: `forceClosed` lets
//! every caller wait for an upstream that is down, and `forceOpen` keeps them from one that is well.
//!
//! Remove it when the reason for it is gone.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::health::Override;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let message = match subject.egress.spec.health.force {
            None => continue,
            Some(Override::ForceOpen) => "the upstream is not asked, however well it is",
            Some(Override::ForceClosed) => "the upstream is asked, however ill it is",
        };
        findings.push(subject.at("health.override", message, "remove it when the reason for it is gone"));
    }
    findings
}
