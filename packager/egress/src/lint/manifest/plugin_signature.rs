//! A plugin has a `verificationKey`, which Istio does not use.
//!
//! The field is in the API and nothing reads it: no signature is ever verified, whatever is written there.
//!
//! Remove it. Pin the module by digest, and verify signatures where images are admitted or in CI.

use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let plugins = input.set.plugins.iter();
    let keys = plugins.filter_map(|plugin| Some((plugin.manifest.file, plugin.wasm.get("verificationKey")?)));
    let message = "no signature is verified: Istio has not implemented `verificationKey`";
    keys.map(|(file, key)| finding(file, key, message, "remove it, and pin the module by digest")).collect()
}
