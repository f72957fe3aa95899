//! The gate lets requests through again while all addresses of the upstream may still be ejected.
//!
//! `route.outlierDetection` ejects single addresses for `baseEjectionTime` (Istio's default is `30s`),
//! longer each time. The gate tries the upstream again after `health.hold`. If no address is left by
//! then, the first requests fail before they reach the upstream, and the gate opens again although the
//! upstream may be healthy.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {passive: {}, hold: 30s}
//! route: {outlierDetection: {baseEjectionTime: 1m}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {passive: {}, hold: 1m}
//! route: {outlierDetection: {baseEjectionTime: 30s}}
//! ```
//!
//! Fix: Write a `baseEjectionTime` that is no longer than `health.hold`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::duration::Duration;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::EjectionLongerThanHold, run, source: include_str!("ejection_longer_than_hold.rs") };

/// Istio's default for `baseEjectionTime`.
const DEFAULT_SECONDS: u32 = 30;

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let (health, route) = (&subject.egress.spec.health, &subject.egress.spec.route);
        let is_checked = health.probe.is_some() || health.passive.is_some();
        let Some(outlier) = route.outlier_detection.as_ref().filter(|_| is_checked) else { continue };
        let ejected = outlier.base_ejection_time.clone().unwrap_or_else(|| Duration::of_seconds(DEFAULT_SECONDS));
        if ejected.length() > health.hold.length() {
            let message = format!(
                "addresses are ejected for {}, but the gate tries the upstream again after {}",
                quoted(&ejected),
                quoted(&health.hold)
            );
            let help = "write a longer `health.hold`, or a shorter `baseEjectionTime`";
            findings.push(subject.at("route.outlierDetection.baseEjectionTime", message, help));
        }
    }
    findings
}
