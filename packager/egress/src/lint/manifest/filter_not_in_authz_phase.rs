//! A filter that decides who may pass does not run in phase AUTHZ.
//!
//! In `AUTHN` it runs before Istio has verified the token and sees no claims, so a rule that needs one
//! never matches. Without a phase, or in `STATS`, it runs after plugins that count requests, so they
//! count requests that the filter then refuses.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHN
//!   pluginConfig: {rules: []}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHZ
//!   pluginConfig: {rules: []}
//! ```
//!
//! Fix: Write `phase: AUTHZ`: after token verification, and before everything else.

use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for guard in input.set.plugins.iter().filter(|plugin| plugin.is_guard()) {
        let help = "write `phase: AUTHZ`";
        match guard.manifest.spec().get("phase") {
            None => {
                let message = "the filter decides who may pass, and without a `phase` it runs behind all that have one";
                findings.push(of_manifest(guard.manifest, message, help));
            }
            Some(phase) if matches!(phase.text(), Some("AUTHN" | "STATS")) => {
                let name = phase.text().unwrap_or_default();
                let message = match name {
                    "AUTHN" => format!("in {} no token has been verified, so no rule sees a claim", quoted(name)),
                    _ => format!("in {} the filter runs behind others, which see what it refuses", quoted(name)),
                };
                findings.push(finding(guard.manifest.file, phase, message, help));
            }
            Some(_) => {}
        }
    }
    findings
}
