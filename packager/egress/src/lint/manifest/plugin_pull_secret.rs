//! A plugin from a file has an `imagePullSecret`.
//!
//! No image is pulled for `file://`, so the Secret has no use. It even does harm: Istio passes its
//! content to the proxy in the module's environment and, for a file, does not remove it again, so the
//! module can read the registry's credentials.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: file:///opt/plugin.wasm
//!   imagePullSecret: registry
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: file:///opt/plugin.wasm
//! ```
//!
//! Fix: Remove it. For an image volume, write `imagePullSecrets` in the pod.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::PluginPullSecret, run, source: include_str!("plugin_pull_secret.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let files = input.set.plugins.iter().filter(|plugin| plugin.is_file());
    let secrets = files.filter_map(|plugin| Some((plugin.manifest.file, plugin.wasm.get("imagePullSecret")?)));
    let message = "for a `file://` module, the registry's credentials stay in the module's environment";
    secrets.map(|(file, secret)| finding(file, secret, message, "remove it")).collect()
}
