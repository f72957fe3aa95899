//! A gateway forgets its filter after a day.
//!
//! Istio's agent deletes a module from a registry when no update touched it for `WASM_MODULE_EXPIRY` (24 hours), even
//! while it is in use. The next change of a listener is then refused for good (istio/istio#42154).
//!
//! Write the variable with a long time into the proxy's `env`, such as `87600h`, or take the module from an image
//! volume.

use crate::import::view::{Plugin, Workload};
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::parse::suggest::quoted;
use crate::parse::tree::Node;

const VARIABLE: &str = "WASM_MODULE_EXPIRY";

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Workload { manifest, title, namespace, labels, .. } in &input.set.workloads {
        let plugins = input.set.extensions.at_pod(namespace, labels).into_iter().filter_map(Plugin::of);
        let Some(plugin) = plugins.into_iter().find(Plugin::is_image) else { continue };
        if !manifest.spec().descendants().any(sets_expiry) {
            let name = quoted(&plugin.manifest.name);
            let message = format!("the module of the plugin {name} is deleted after a day, while it is in use");
            let help = format!("write `{VARIABLE}: 87600h` into the proxy's `env`");
            findings.push(finding(manifest.file, title, message, help));
        }
    }
    findings
}

/// As a variable of a container, or in the proxy's configuration.
fn sets_expiry(node: &Node) -> bool {
    node.get(VARIABLE).is_some() || node.text().is_some_and(|text| text.contains(VARIABLE))
}
