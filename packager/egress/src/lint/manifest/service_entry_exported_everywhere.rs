//! Every sidecar knows the upstream, so callers can bypass the gateway.
//!
//! A ServiceEntry without `exportTo` applies to all namespaces. A caller that names the upstream's own
//! host, instead of the host that leads to the gateway, connects to it directly and past every rule.
//! `REGISTRY_ONLY` does not prevent it, because the host is in the registry.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org], resolution: DNS}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http: [{route: [{destination: {host: httpbin.org}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org], resolution: DNS, exportTo: ["."]}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http: [{route: [{destination: {host: httpbin.org}}]}]
//! ```
//!
//! Fix: Write `exportTo: ["."]`, and keep the entry in the gateway's namespace.

use crate::code::Code;
use crate::import::Kind;
use crate::import::set::entry_hosts;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint {
    code: Code::ServiceEntryExportedEverywhere,
    run,
    source: include_str!("service_entry_exported_everywhere.rs"),
};

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let exported = entry.spec().items_at(&["exportTo"]);
        let is_for_all = exported.is_empty() || exported.iter().any(|to| to.text() == Some("*"));
        let host = entry_hosts(entry)
            .find(|host| is_for_all && input.set.is_external(host) && input.set.is_behind_gateway(host));
        if let Some(host) = host {
            let message = format!("every sidecar knows {}, so callers can bypass the gateway", quoted(host));
            findings.push(of_manifest(entry, message, "write `exportTo: [\".\"]`"));
        }
    }
    findings
}
