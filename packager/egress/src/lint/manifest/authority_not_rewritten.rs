//! A gateway sends requests to an external host with the `Host` that callers use.
//!
//! The upstream does not know that host and answers for another site, or not at all. If the TLS server
//! name is derived from that host, the TLS handshake fails as well.
//!
//! Bad:
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
//!   - rewrite: {authority: httpbin.org}
//!     route: [{destination: {host: httpbin.org}}]
//! ```
//!
//! Fix: Write `rewrite: {authority: UPSTREAM}` in the route.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::AuthorityNotRewritten, run, source: include_str!("authority_not_rewritten.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let routes = input.set.routes.iter().filter(|route| route.is_http() && route.is_at_gateway());
    for route in routes {
        for to in route.destinations.iter().filter(|to| input.set.is_external(&to.host)) {
            let Some(host) = input.set.foreign_host(route, to) else { continue };
            // Where no server takes the host, it is the one to mend.
            if input.set.unserved_hosts(route.manifest).any(|own| own == host) {
                continue;
            }
            let message = format!("{} gets requests for the host {}", quoted(&to.host), quoted(host));
            let help = format!("write `rewrite: {{authority: {}}}`", quoted(&to.host).trim_matches('`'));
            findings.push(finding(route.manifest.file, to.place(), message, help));
        }
    }
    findings
}
