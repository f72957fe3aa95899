//! A plugin has neither `selector` nor `targetRefs`.
//!
//! Then it runs in every gateway and every sidecar of its namespace, and in Istio's root namespace in those of the
//! whole mesh. A filter with one upstream's rules refuses everything else there.
//!
//! Select the gateway by a label that only its pods bear.

use crate::import::selection::Target;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let plugins = input.set.plugins.iter().filter(|plugin| matches!(plugin.manifest.target(), Target::Everything));
    plugins
        .map(|plugin| {
            let where_to = match plugin.manifest.namespace.as_str() {
                "istio-system" => "the whole mesh",
                _ => "its namespace",
            };
            let message = format!("the plugin runs in every proxy of {where_to}");
            of_manifest(plugin.manifest, message, "write a `selector`, or `targetRefs`")
        })
        .collect()
}
