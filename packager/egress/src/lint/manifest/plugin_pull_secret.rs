//! A plugin from a file has an `imagePullSecret`.
//!
//! No image is pulled for `file://`, so the Secret does not help. It does harm: Istio hands its content to the proxy in
//! the module's environment, and for a file nothing takes it out again, so the module can read the credentials.
//!
//! Remove it. An image volume has `imagePullSecrets` of its own, in the pod.

use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let files = input.set.plugins.iter().filter(|plugin| plugin.is_file());
    let secrets = files.filter_map(|plugin| Some((plugin.manifest.file, plugin.wasm.get("imagePullSecret")?)));
    let message = "for a `file://` module the registry's credentials are left in the module's environment";
    secrets.map(|(file, secret)| finding(file, secret, message, "remove it")).collect()
}
