//! A plugin's policy is in its environment variables.
//!
//! A variable in `vmConfig.env` can hold 2,048 bytes and is read once, when the VM starts. Every change
//! starts a new VM: the filter loses its counters and health state, and requests may fail meanwhile.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   vmConfig:
//!     env: [{name: POLICY, value: '{"rules":[]}'}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   pluginConfig: {rules: []}
//! ```
//!
//! Fix: Write the policy into `pluginConfig`, which can change while the VM runs.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::PolicyInEnvironment, run, source: include_str!("policy_in_environment.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        for variable in plugin.wasm.items_at(&["vmConfig", "env"]) {
            let name = variable.text_at(&["name"]).unwrap_or_default();
            let value = variable.text_at(&["value"]).unwrap_or_default();
            let is_data = value.trim_start().starts_with(['{', '[']) || value.contains('\n');
            if is_data || ["POLICY", "RULES"].iter().any(|word| name.to_ascii_uppercase().contains(word)) {
                let message = format!("the variable {} is read once, when the VM starts", quoted(name));
                let place = variable.get("name").unwrap_or(variable);
                findings.push(finding(plugin.manifest.file, place, message, "write the policy into `pluginConfig`"));
            }
        }
    }
    findings
}
