//! A DestinationRule does not verify the upstream's certificate.
//!
//! With `insecureSkipVerify`, an attacker on the network can act as the upstream. TLS then protects
//! only against passive eavesdroppers.
//!
//! Bad:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: bank.example
//!   trafficPolicy:
//!     tls: {mode: SIMPLE, sni: bank.example, insecureSkipVerify: true}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: bank.example
//!   trafficPolicy:
//!     tls: {mode: SIMPLE, sni: bank.example, subjectAltNames: [bank.example], caCertificates: /etc/bank/ca.crt}
//! ```
//!
//! Fix: Remove it. For an upstream with its own certificate authority, write `caCertificates` or
//! `credentialName`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::TlsUnverified, run, source: include_str!("tls_unverified.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tls in &input.set.client_tls {
        if let Some(skip) = tls.node.get("insecureSkipVerify").filter(|skip| skip.text() == Some("true")) {
            let message = "any certificate is accepted for the upstream";
            let help = "remove it, and write `caCertificates` if the upstream has its own certificate authority";
            findings.push(finding(tls.manifest.file, skip, message, help));
        }
    }
    findings
}
