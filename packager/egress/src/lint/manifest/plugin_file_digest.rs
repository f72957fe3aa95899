//! A plugin from a file has a `sha256`, which is not verified.
//!
//! Envoy opens a `file://` module itself, and Istio's agent, which verifies digests, is not asked. Any file at that
//! path is run.
//!
//! Remove it, and pin the image that the file comes from by its digest.

use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let files = input.set.plugins.iter().filter(|plugin| plugin.is_file());
    let digests = files.filter_map(|plugin| Some((plugin.manifest.file, plugin.sha256()?.0)));
    let message = "the digest of a `file://` module is not verified";
    digests.map(|(file, node)| finding(file, node, message, "remove it, and pin the image that has the file")).collect()
}
