//! A plugin's phase does not exist in resources of this kind.
//!
//! The phase of a plugin without one is `UNSPECIFIED_PHASE` in a WasmPlugin and `UNSPECIFIED` in a
//! TrafficExtension. With the name of the other kind, the API server refuses the resource, or Istio
//! drops it and no filter protects the gateway.
//!
//! Bad:
//!
//! ```yaml
//! kind: TrafficExtension
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: UNSPECIFIED_PHASE
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: TrafficExtension
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHZ
//! ```
//!
//! Fix: Write `AUTHZ`, or remove `phase`.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::PluginPhaseName, run, source: include_str!("plugin_phase_name.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, of_other) in [(Kind::WasmPlugin, "UNSPECIFIED"), (Kind::TrafficExtension, "UNSPECIFIED_PHASE")] {
        for manifest in input.set.of(kind) {
            if let Some(phase) = manifest.spec().get("phase").filter(|phase| phase.text() == Some(of_other)) {
                let message = format!("a resource of this kind has no phase {}", quoted(of_other));
                findings.push(finding(manifest.file, phase, message, "write `AUTHZ`, or remove `phase`"));
            }
        }
    }
    findings
}
