//! A plugin has neither `selector` nor `targetRefs`.
//!
//! It then runs in every gateway and sidecar of its namespace, and from Istio's root namespace in those
//! of the whole mesh. A filter with the rules of one upstream refuses all other traffic there.
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
//!   selector: {matchLabels: {gateway: httpbin}}
//!   phase: AUTHZ
//! ```
//!
//! Fix: Select the gateway by a label that only its pods have.

use crate::code::Code;
use crate::import::selection::SelectedPods;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::PluginWithoutSelector, run, source: include_str!("plugin_without_selector.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let plugins =
        input.set.plugins.iter().filter(|plugin| matches!(plugin.manifest.selected_pods(), SelectedPods::All));
    plugins
        .map(|plugin| {
            let where_to = match plugin.manifest.namespace.as_str() {
                "istio-system" => "the whole mesh",
                _ => "its namespace",
            };
            let message = format!("the plugin runs in every proxy of {where_to}");
            of_manifest(plugin.manifest, message, "write a `selector` or `targetRefs`")
        })
        .collect()
}
