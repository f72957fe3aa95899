//! A PeerAuthentication requires mutual TLS for a gateway, where it has no effect.
//!
//! The listeners of a gateway take their TLS settings from the `Gateway` resource only. With a
//! plaintext server, or with one-way TLS, callers without a certificate get in, whatever the
//! PeerAuthentication says.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [httpbin.internal]}]
//! ---
//! kind: PeerAuthentication
//! metadata: {name: strict, namespace: egress}
//! spec: {selector: {matchLabels: {gateway: httpbin}}, mtls: {mode: STRICT}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: PeerAuthentication
//! metadata: {name: strict, namespace: egress}
//! spec: {selector: {matchLabels: {gateway: httpbin}}, mtls: {mode: STRICT}}
//! ```
//!
//! Fix: Write `tls: {mode: ISTIO_MUTUAL}` in the Gateway's server, and a DestinationRule with
//! `ISTIO_MUTUAL` for callers.

use crate::code::Code;
use crate::import::Kind;
use crate::import::selection::SelectedPods;
use crate::import::view::{Server, Serves};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::StrictMtlsWithoutEffect, run, source: include_str!("strict_mtls_without_effect.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let requires_no_certificate = |server: &Server<'_>| {
        !server.identifies_callers() && server.serves() != Some(Serves::PassedTls) && !input.set.leads_nowhere(server)
    };
    let mut findings = Vec::new();
    for peers in input.set.of(Kind::PeerAuthentication) {
        let strict = peers.spec().descend(&["mtls", "mode"]).filter(|mode| mode.text() == Some("STRICT"));
        // One without a selector is for the namespace's sidecars, where it works.
        let Some(strict) = strict.filter(|_| matches!(peers.selected_pods(), SelectedPods::WithLabels(_))) else {
            continue;
        };
        let open = input.set.servers_under(peers).into_iter().find(requires_no_certificate);
        if let Some(port) = open.map(|server| server.port) {
            let message = format!("the Gateway's server on port {} still requires no certificate", quoted(port));
            let help = "write `tls: {mode: ISTIO_MUTUAL}` in the Gateway: only it configures the gateway's listeners";
            findings.push(finding(peers.file, strict, message, help));
        }
    }
    findings
}
