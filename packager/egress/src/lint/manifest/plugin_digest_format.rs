//! A plugin's `sha256` is not 64 lower-case hexadecimal digits.
//!
//! The field holds the digits alone. With `sha256:` before them, as in image references, Kubernetes
//! refuses the resource. Without that validation, no module matches the value, and the gateway denies
//! every request.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   sha256: sha256:abababababababababababababababababababababababababababababababab
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   sha256: abababababababababababababababababababababababababababababababab
//! ```
//!
//! Fix: Write the 64 digits without a prefix.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::PluginDigestFormat, run, source: include_str!("plugin_digest_format.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let Some((node, digest)) = plugin.sha256() else { continue };
        let (message, help) = match digest.strip_prefix("sha256:") {
            Some(_) => ("`sha256` begins with `sha256:`", "remove the prefix"),
            None if is_digest(digest) => continue,
            None => ("`sha256` is not 64 lower-case hexadecimal digits", "write the digits of the digest"),
        };
        findings.push(finding(plugin.manifest.file, node, message, help));
    }
    findings
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
