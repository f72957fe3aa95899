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

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::FilterNotInAuthzPhase, run, source: include_str!("filter_not_in_authz_phase.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for filter in input.set.plugins.iter().filter(|plugin| plugin.enforces_rules()) {
        let help = "write `phase: AUTHZ`";
        match filter.manifest.spec().get("phase") {
            None => {
                let message =
                    "the filter decides who may pass, but without a `phase` it runs after all plugins that have one";
                findings.push(of_manifest(filter.manifest, message, help));
            }
            Some(phase) if matches!(phase.text(), Some("AUTHN" | "STATS")) => {
                let name = phase.text().unwrap_or_default();
                let message = match name {
                    "AUTHN" => format!("in {} no token has been verified yet, so rules see no claims", quoted(name)),
                    _ => format!(
                        "in {} the filter runs after other plugins, which see requests that it refuses",
                        quoted(name)
                    ),
                };
                findings.push(finding(filter.manifest.file, phase, message, help));
            }
            Some(_) => {}
        }
    }
    findings
}
