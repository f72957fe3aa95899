//! A plugin's phase goes by another name in this kind.
//!
//! A WasmPlugin without a phase has `UNSPECIFIED_PHASE`, a TrafficExtension `UNSPECIFIED`. The other's word is refused,
//! or the whole resource is dropped and nothing guards the gateway.
//!
//! Write `AUTHZ`, or leave `phase` out.

use crate::import::Kind;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, of_other) in [(Kind::WasmPlugin, "UNSPECIFIED"), (Kind::TrafficExtension, "UNSPECIFIED_PHASE")] {
        for manifest in input.set.of(kind) {
            if let Some(phase) = manifest.spec().get("phase").filter(|phase| phase.text() == Some(of_other)) {
                let message = format!("the phase {} is not known in this kind", quoted(of_other));
                findings.push(finding(manifest.file, phase, message, "write `AUTHZ`, or leave `phase` out"));
            }
        }
    }
    findings
}
