//! A plugin's `sha256` is another digest than the one in its `url`.
//!
//! For an image both are the digest of its manifest. No image has both of two, so the module is never loaded, and the
//! gateway denies everything or, with FAIL_OPEN, allows everything.
//!
//! Write the same digest in both.

use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let (Some((_, url)), Some((node, digest))) = (plugin.url(), plugin.sha256()) else { continue };
        let in_url = url.rsplit_once("@sha256:").map(|(_, in_url)| in_url);
        if in_url.is_some_and(|in_url| in_url != digest.trim_start_matches("sha256:")) {
            let message = "`sha256` is not the digest that `url` names, and no image has both";
            findings.push(finding(plugin.manifest.file, node, message, "write the same digest in both"));
        }
    }
    findings
}
