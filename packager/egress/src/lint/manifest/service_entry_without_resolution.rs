//! A ServiceEntry behind a gateway has resolution NONE.
//!
//! NONE, which is also Istio's default, sends a request to the address it was going to. At a gateway
//! that is the gateway itself, so the request loops until it times out or is refused.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org], location: MESH_EXTERNAL, resolution: NONE}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http:
//!   - route: [{destination: {host: httpbin.org}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org], location: MESH_EXTERNAL, resolution: DNS}
//! ---
//! kind: VirtualService
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [httpbin]
//!   http:
//!   - route: [{destination: {host: httpbin.org}}]
//! ```
//!
//! Fix: Write `resolution: DNS`, or `STATIC` and the addresses. Istio refuses both for a pattern: write
//! `DYNAMIC_DNS` (Istio 1.30 or later), or let the gateway send all requests to one host that serves them.

use crate::code::Code;
use crate::import::Kind;
use crate::import::view::entry_hosts;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;
use crate::model::IstioVersion;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint {
    code: Code::ServiceEntryWithoutResolution,
    run,
    source: include_str!("service_entry_without_resolution.rs"),
};

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let resolution = entry.spec().get("resolution");
        let is_none = resolution.is_none_or(|resolution| resolution.text() == Some("NONE"));
        let Some(host) = entry_hosts(entry).find(|host| is_none && input.set.is_behind_gateway(host)) else { continue };
        let message = format!("the gateway sends requests for {} to itself", quoted(host));
        let has_dynamic_dns = input.mesh.as_ref().is_none_or(|(_, _, mesh)| mesh.istio_version >= IstioVersion::V1_30);
        let help = match (host.starts_with('*'), has_dynamic_dns) {
            (false, _) => "write `resolution: DNS`",
            (true, true) => {
                "write `resolution: DYNAMIC_DNS` (Istio 1.30 or later), or send all requests to one host that serves them"
            }
            (true, false) => "send all requests to one host that serves them, with an entry of its own",
        };
        findings.push(match resolution {
            Some(resolution) => finding(entry.file, resolution, message, help),
            None => of_manifest(entry, message, help),
        });
    }
    findings
}
