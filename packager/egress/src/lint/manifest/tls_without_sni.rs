//! TLS to an external host has no server name (`sni`).
//!
//! Without `sni` the server name is derived from the request's `Host`, which at a gateway is the one
//! that callers use, not the upstream's. The upstream answers with another site's certificate, or none,
//! and callers get 503.
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
//! ```
//!
//! Fix: Write `sni` and `subjectAltNames`.

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
        if tls.node.get("sni").is_none() && !tls.host.contains('*') {
            let host = quoted(&tls.host);
            let message = format!("the server name for {host} is derived from the request's `Host`");
            let host = host.trim_matches('`');
            let help = format!("write `sni: {host}` and `subjectAltNames: [{host}]`");
            findings.push(finding(tls.manifest.file, tls.node.get("mode").unwrap_or(tls.node), message, help));
        }
    }
    findings
}
