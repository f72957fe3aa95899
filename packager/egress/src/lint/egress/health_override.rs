//! `health.override` switches the health gate by hand.
//!
//! An override is meant for the duration of a repair. If it is forgotten, the gate no longer protects
//! callers: `forceClosed` makes every caller wait for an upstream that is down, and `forceOpen` keeps
//! callers away from one that is healthy.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {override: forceOpen, probe: {path: /status/200}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! ```
//!
//! Fix: Remove the override when the repair is done.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use sallyport_core::wire::Override;

pub(super) const LINT: Lint = Lint { code: Code::HealthOverride, run, source: include_str!("health_override.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let message = match subject.egress.spec.health.force {
            None => continue,
            Some(Override::ForceOpen) => "the upstream gets no requests, even while it is healthy",
            Some(Override::ForceClosed) => "the upstream gets requests, even while it is unhealthy",
        };
        findings.push(subject.at("health.override", message, "remove it when the repair is done"));
    }
    findings
}
