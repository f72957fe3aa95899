//! A ServiceEntry behind a gateway has a resolution that does not work there.
//!
//! NONE, which is also Istio's default, sends a request to the address it was going to. A gateway does
//! not know that address: it answers 503, and resets connections that it passes on. DYNAMIC_DNS works
//! at a gateway that reads requests; one that passes TLS on connects to port 80 of each name.
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
//! Fix: Write `resolution: DNS`, or `STATIC` and the addresses. Istio refuses both for a pattern: let the
//! gateway send everything to one server that serves all of it. A gateway that reads requests (`http`
//! routes), and sidecars, can also use `DYNAMIC_DNS` (Istio 1.30 or later).

use crate::code::Code;
use crate::import::Kind;
use crate::import::view::entry_hosts;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;
use crate::model::IstioVersion;
use crate::wording::quoted;
use crate::yaml::tree::Node;

pub(super) const LINT: Lint = Lint {
    code: Code::ServiceEntryWithoutResolution,
    run,
    source: include_str!("service_entry_without_resolution.rs"),
};

const ONE_SERVER_OR_HTTP: &str =
    "send everything to one server that serves all of them, with an entry of its own, or end TLS at the gateway";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let resolution = entry.spec().get("resolution");
        let (host, message, help) = match resolution.map_or(Some("NONE"), Node::text) {
            // With endpoints it is refused, which is another finding.
            Some("NONE") if entry.spec().items_at(&["endpoints"]).is_empty() => {
                let Some(host) = entry_hosts(entry).find(|host| input.set.is_behind_gateway(host)) else { continue };
                (host, "the gateway finds no address for", unresolved(input, host))
            }
            Some("DYNAMIC_DNS") => {
                let is_passed_on = |host: &&str| host.starts_with('*') && input.set.is_passed_on(host);
                let Some(host) = entry_hosts(entry).find(is_passed_on) else { continue };
                (host, "the gateway connects to port 80 when it passes connections on to", ONE_SERVER_OR_HTTP)
            }
            _ => continue,
        };
        let message = format!("{message} {}", quoted(host));
        findings.push(match resolution {
            Some(resolution) => finding(entry.file, resolution, message, help),
            None => of_manifest(entry, message, help),
        });
    }
    findings
}

/// What to write instead of NONE.
fn unresolved(input: &Input<'_>, host: &str) -> &'static str {
    let has_dynamic_dns = input.mesh.as_ref().is_none_or(|(_, _, mesh)| mesh.istio_version >= IstioVersion::V1_30);
    match host.starts_with('*') {
        false => "write `resolution: DNS`",
        true if input.set.is_passed_on(host) => ONE_SERVER_OR_HTTP,
        true if has_dynamic_dns => {
            "write `resolution: DYNAMIC_DNS` (Istio 1.30 or later), or send all requests to one host that serves them"
        }
        true => "send all requests to one host that serves them, with an entry of its own",
    }
}
