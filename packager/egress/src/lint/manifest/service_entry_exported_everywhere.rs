//! Every sidecar knows the upstream, so callers can bypass the gateway.
//!
//! A ServiceEntry without `exportTo` applies to all namespaces. A caller that names the upstream's own
//! host, instead of the host that leads to the gateway, connects to it directly and past every rule.
//! `REGISTRY_ONLY` does not prevent it, because the host is in the registry. An entry is meant for
//! callers if a route of callers is for its host, or if it says `exportTo: ["*"]`. A `Sidecar` in Istio's
//! root namespace that leaves the host out hides it, too.
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
//! Fix: Write `exportTo` with the namespaces in which the gateway's pods run: `["."]` if it is the
//! entry's own.

use crate::code::Code;
use crate::import::view::Route;
use crate::import::view::entry_hosts;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::BTreeSet;

pub(super) const LINT: Lint = Lint {
    code: Code::ServiceEntryExportedEverywhere,
    run,
    source: include_str!("service_entry_exported_everywhere.rs"),
};

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        // A `*` that is written is asked for.
        if !entry.spec().items_at(&["exportTo"]).is_empty() {
            continue;
        }
        let is_for_gateway = |host: &&str| input.set.is_external(host) && input.set.is_behind_gateway(host);
        let host = entry_hosts(entry).find(|host| is_for_gateway(host) && !input.set.is_routed_in_mesh(host));
        let is_known = |host: &&str| !input.set.mesh.sidecars.hide(&entry.namespace, host);
        if let Some(host) = host.filter(is_known) {
            let message = format!("every sidecar knows {}, so callers can bypass the gateway", quoted(host));
            findings.push(of_manifest(entry, message, help(input, entry, host)));
        }
    }
    findings
}

/// The namespaces of the gateways that send requests to the host, if all are known.
fn help(input: &Input<'_>, entry: &Manifest, host: &str) -> String {
    let leads_there = |route: &&Route<'_>| route.destinations.iter().any(|to| to.host == host);
    let gateways = input.set.routes.iter().filter(leads_there).flat_map(|route| &route.gateways);
    let homes: Option<Vec<_>> = gateways.map(|gateway| input.set.mesh.gateways.homes(gateway)).collect();
    let homes: BTreeSet<&str> = homes.into_iter().flatten().flatten().copied().collect();
    if homes.is_empty() {
        return "write `exportTo` with the namespaces in which the gateway's pods run".to_owned();
    }
    let own = |home: &&str| if *home == entry.namespace { "\".\"".to_owned() } else { (*home).to_owned() };
    format!("write `exportTo: [{}]`", homes.iter().map(own).collect::<Vec<_>>().join(", "))
}
