//! A plugin's `url` has no scheme.
//!
//! Istio reads it as `oci://`, while most people read it as a file or a web address.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   url: oci://registry.example.com/filter@sha256:abababababababababababababababababababababababababababababababab
//! ```
//!
//! Fix: Write the scheme: `oci://`, `https://` or `file://`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::PluginUrlWithoutScheme, run, source: include_str!("plugin_url_without_scheme.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let urls = input.set.plugins.iter().filter_map(|plugin| Some((plugin.manifest.file, plugin.url()?)));
    let bare = urls.filter(|(_, (_, url))| !url.contains("://"));
    bare.map(|(file, (node, url))| {
        let message = format!("the URL {} has no scheme, so Istio reads it as an image", quoted(url));
        finding(file, node, message, "begin it with `oci://`, if it is an image")
    })
    .collect()
}
