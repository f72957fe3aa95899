//! An object is exported to a namespace that is probably misspelt.
//!
//! Istio accepts any namespace in `exportTo`. No proxy there sees the object, and the one that it was meant
//! for does not: it has no cluster for the host, or does not apply the rule.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: shop}
//! spec: {hosts: [api.example.com], exportTo: [shop, egres], resolution: DNS}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: shop}
//! spec: {hosts: [api.example.com], exportTo: [shop, egress], resolution: DNS}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ```
//!
//! Fix: Write the namespace as it is.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::ExportToNowhere, run, source: include_str!("export_to_nowhere.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in input.set.manifests {
        for (node, meant) in input.set.mesh.misspelt_exports(manifest) {
            let message = format!("nothing here is in the namespace {}", quoted(node.text().unwrap_or_default()));
            findings.push(finding(manifest.file, node, message, format!("did you mean {}?", quoted(meant))));
        }
    }
    findings
}
