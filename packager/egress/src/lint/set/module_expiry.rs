//! A gateway loses its filter module after a day.
//!
//! Istio's agent deletes a module from a registry if no update has touched it for `WASM_MODULE_EXPIRY`
//! (24 hours), even while it is in use. After that, the next change of a listener is refused until the
//! pod restarts (istio/istio#42154).
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   url: oci://registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//! ---
//! kind: Deployment
//! metadata: {name: httpbin-egress, namespace: egress}
//! spec:
//!   template:
//!     metadata: {labels: {gateway: httpbin}}
//!     spec: {containers: [{name: istio-proxy}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   url: oci://registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//! ---
//! kind: Deployment
//! metadata: {name: httpbin-egress, namespace: egress}
//! spec:
//!   template:
//!     metadata: {labels: {gateway: httpbin}}
//!     spec: {containers: [{name: istio-proxy, env: [{name: WASM_MODULE_EXPIRY, value: 87600h}]}]}
//! ```
//!
//! Fix: Set the variable in the proxy's `env` to a long time, such as `87600h`, or take the module from
//! an image volume.

use crate::code::Code;
use crate::import::view::{Plugin, Workload};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;

pub(super) const LINT: Lint = Lint { code: Code::ModuleExpiry, run, source: include_str!("module_expiry.rs") };

const VARIABLE: &str = "WASM_MODULE_EXPIRY";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Workload { manifest, title, namespace, labels, .. } in &input.set.workloads {
        let plugins = input.set.extensions.at_pod(namespace, labels).into_iter().filter_map(Plugin::of);
        let Some(plugin) = plugins.into_iter().find(Plugin::is_image) else { continue };
        if !manifest.spec().descendants().any(sets_expiry) {
            let name = quoted(&plugin.manifest.name);
            let message = format!("Istio deletes the module of the plugin {name} after a day, even while it is in use");
            let help = format!("set `{VARIABLE}` to `87600h` in the proxy's `env`");
            findings.push(finding(manifest.file, title, message, help));
        }
    }
    findings
}

/// As a variable of a container, or in the proxy's configuration.
fn sets_expiry(node: &Node) -> bool {
    node.get(VARIABLE).is_some() || node.text().is_some_and(|text| text.contains(VARIABLE))
}
