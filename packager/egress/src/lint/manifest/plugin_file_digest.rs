//! A plugin from a file has a `sha256`, which nothing verifies.
//!
//! Envoy opens a `file://` module itself. Istio's agent, which verifies digests, is not involved, so
//! any file at that path is run.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: file:///opt/plugin.wasm
//!   sha256: abababababababababababababababababababababababababababababababab
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
//! Fix: Remove it, and pin the image that the file comes from by its digest.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::PluginFileDigest, run, source: include_str!("plugin_file_digest.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let files = input.set.plugins.iter().filter(|plugin| plugin.is_file());
    let digests = files.filter_map(|plugin| Some((plugin.manifest.file, plugin.sha256()?.0)));
    let message = "the digest of a `file://` module is not verified";
    digests
        .map(|(file, node)| {
            finding(file, node, message, "remove it, and pin the image that contains the file by its digest")
        })
        .collect()
}
