//! A plugin's module is not pinned by a digest.
//!
//! A tag can be moved to another module, and a URL can return another one: pods that start tomorrow may
//! run another filter than those of today, although no file has changed. With
//! `imagePullPolicy: Always`, a new label on the resource is enough.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: oci://registry.example.com/filter:1.0
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
//! Fix: Write `oci://REPOSITORY@sha256:DIGEST`, and the same 64 digits as `sha256`. Use the digest of
//! the image's manifest, not of an index.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::PluginByTag, run, source: include_str!("plugin_by_tag.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let Some((node, url)) = plugin.url() else { continue };
        let pinned = url.contains("@sha256:") || url.starts_with("file://") || plugin.sha256().is_some();
        if !pinned {
            let message = format!("{} can be moved to another module", quoted(url));
            let help = match plugin.is_image() {
                true => "write `oci://REPOSITORY@sha256:DIGEST`, and the same digits as `sha256`",
                false => "write the module's digest as `sha256`",
            };
            findings.push(finding(plugin.manifest.file, node, message, help));
        }
    }
    findings
}
