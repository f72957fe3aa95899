//! TLS to an external host has no server name (`sni`), and requests for another host are sent there.
//!
//! Without `sni` the server name is derived from the request's `Host`. If a route neither is for the
//! upstream's host nor rewrites it, that is the name that callers use, not the upstream's. The upstream
//! answers with another site's certificate, or none, and callers get 503.
//!
//! Bad:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: httpbin.org
//!   trafficPolicy:
//!     tls: {mode: SIMPLE}
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
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: httpbin.org
//!   trafficPolicy:
//!     tls: {mode: SIMPLE, sni: httpbin.org, subjectAltNames: [httpbin.org]}
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
//! Fix: Write `sni` and `subjectAltNames`, or `rewrite: {authority: UPSTREAM}` in the route.

use crate::code::Code;
use crate::import::names::is_cluster_service;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::TlsWithoutSni, run, source: include_str!("tls_without_sni.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tls in input.set.client_tls.iter().filter(|tls| tls.originates() && !is_cluster_service(&tls.host)) {
        if tls.node.get("sni").is_some() || tls.host.contains('*') {
            continue;
        }
        let leading = input.set.leading_to(&tls.host);
        let routes = leading.filter(|(route, to)| route.is_http() && tls.may_be_for(to));
        let mut foreign = routes.filter_map(|(route, to)| input.set.foreign_host(route, to));
        if let Some(callers) = foreign.next() {
            let host = quoted(&tls.host);
            let message = format!(
                "the server name for {host} is derived from the request's `Host`, which is {}",
                quoted(callers)
            );
            let host = host.trim_matches('`');
            let help = format!("write `sni: {host}` and `subjectAltNames: [{host}]`");
            findings.push(finding(tls.manifest.file, tls.node.get("mode").unwrap_or(tls.node), message, help));
        }
    }
    findings
}
