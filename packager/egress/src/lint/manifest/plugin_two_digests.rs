//! A plugin's `sha256` differs from the digest in its `url`.
//!
//! For an image both are the digest of its manifest. No image has two digests, so the module is never
//! loaded, and the gateway denies every request, or with `FAIL_OPEN` allows every request.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: oci://registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//!   sha256: cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: oci://registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//!   sha256: abababababababababababababababababababababababababababababababab
//! ```
//!
//! Fix: Write the same digest in both.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::PluginTwoDigests, run, source: include_str!("plugin_two_digests.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let (Some((_, url)), Some((node, digest))) = (plugin.url(), plugin.sha256()) else { continue };
        let in_url = url.rsplit_once("@sha256:").map(|(_, in_url)| in_url);
        if in_url.is_some_and(|in_url| in_url != digest.trim_start_matches("sha256:")) {
            let message = "`sha256` differs from the digest in `url`";
            findings.push(finding(plugin.manifest.file, node, message, "write the same digest in both"));
        }
    }
    findings
}
