//! A plugin has no `priority`.
//!
//! Plugins of one phase run in the order of their priority, highest first. Istio's documentation gives
//! 0 as the default; in fact Istio sorts a plugin without a priority below every other, even below
//! negative ones. Which plugin runs first then depends on manifests that others write.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHZ
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHZ
//!   priority: 100
//! ```
//!
//! Fix: Write a `priority`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::PluginWithoutPriority, run, source: include_str!("plugin_without_priority.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let plugins = input.set.plugins.iter().filter(|plugin| plugin.manifest.spec().get("priority").is_none());
    let message = "the plugin has no `priority`, so it runs after all that have one";
    plugins.map(|plugin| of_manifest(plugin.manifest, message, "write a `priority`, such as 100")).collect()
}
