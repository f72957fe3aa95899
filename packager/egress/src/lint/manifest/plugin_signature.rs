//! A plugin has a `verificationKey`, which Istio ignores.
//!
//! The field is in the API, but nothing reads it: no signature is verified, whatever its value is.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: oci://registry.example.com/filter:1.0
//!   verificationKey: cosign.pub
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: oci://registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//! ```
//!
//! Fix: Remove it. Pin the module by digest, and verify signatures in CI or in an admission controller.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::PluginSignature, run, source: include_str!("plugin_signature.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let plugins = input.set.plugins.iter();
    let keys = plugins.filter_map(|plugin| Some((plugin.manifest.file, plugin.wasm.get("verificationKey")?)));
    let message = "no signature is verified: Istio does not implement `verificationKey`";
    keys.map(|(file, key)| finding(file, key, message, "remove it, and pin the module by digest")).collect()
}
