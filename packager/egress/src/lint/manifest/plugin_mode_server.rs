//! A plugin at a gateway is for server listeners, so it never runs.
//!
//! To Istio, a gateway's listeners are clients. A plugin with `match: [{mode: SERVER}]` is accepted,
//! reports no error, and never runs (istio/istio#56169): every request bypasses it.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   selector: {matchLabels: {sallyport.dev/gateway: httpbin}}
//!   match: [{mode: SERVER}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   selector: {matchLabels: {sallyport.dev/gateway: httpbin}}
//!   match: [{mode: CLIENT}]
//! ```
//!
//! Fix: Write `mode: CLIENT`, or remove `match`.

use crate::code::Code;
use crate::import::Manifest;
use crate::import::selection::SelectedPods;
use crate::import::set::Set;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::PluginModeServer, run, source: include_str!("plugin_mode_server.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let matches = plugin.manifest.spec().items_at(&["match"]);
        let modes: Vec<_> = matches.iter().filter_map(|one| one.get("mode")).collect();
        let only_servers = modes.len() == matches.len() && modes.iter().all(|mode| mode.text() == Some("SERVER"));
        if let Some(mode) = modes.first().filter(|_| only_servers && is_at_gateway(&input.set, plugin.manifest)) {
            let message = "a gateway's listeners count as clients, so this plugin never runs";
            findings.push(finding(plugin.manifest.file, mode, message, "write `CLIENT`, or remove `match`"));
        }
    }
    findings
}

fn is_at_gateway(set: &Set<'_>, plugin: &Manifest) -> bool {
    let labelled = match plugin.selected_pods() {
        SelectedPods::WithLabels(labels) => labels.iter().any(|label| {
            let is_gateway = label.value.text().is_some_and(|value| value.ends_with("gateway"));
            label.key.name == "sallyport.dev/gateway" || (label.key.name == "istio" && is_gateway)
        }),
        SelectedPods::All => return false,
        SelectedPods::OfResources(_) => {
            let refs = plugin.spec().items_at(&["targetRefs"]);
            refs.iter().any(|target| target.text_at(&["kind"]) == Some("Gateway"))
        }
    };
    labelled || !set.gateways.overlapping(plugin).is_empty()
}
