//! A plugin has no `priority`.
//!
//! Plugins of one phase run in the order of their priority, highest first. Istio's documentation calls the default 0;
//! what it does is to sort a plugin without one below every other, even below negative ones. Which of two plugins comes
//! first then depends on what somebody else writes.
//!
//! Write it.

use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let plugins = input.set.plugins.iter().filter(|plugin| plugin.manifest.spec().get("priority").is_none());
    let message = "the plugin has no `priority`, so it runs after all that have one";
    plugins.map(|plugin| of_manifest(plugin.manifest, message, "write a `priority`, such as 100")).collect()
}
