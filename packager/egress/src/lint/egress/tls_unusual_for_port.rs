//! The upstream's port and `tls.mode` do not go together.
//!
//! Plaintext to port 443 is answered by a TLS server with an error that reads like an outage; TLS to port 80 ends in a
//! handshake that never completes. Both show up as 503 with nothing in the file that explains it.
//!
//! Write the port or the mode that was meant.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let upstream = &subject.egress.spec.upstream;
        let (message, help) = match (upstream.port, upstream.tls.mode) {
            (443, TlsMode::None) => ("port 443, where TLS is spoken, without TLS", "write `tls: {mode: SIMPLE}`"),
            (80, TlsMode::Simple | TlsMode::Mutual) => {
                ("port 80, where plaintext is spoken, with TLS", "write `port: 443`, or `tls: {mode: NONE}`")
            }
            _ => continue,
        };
        findings.push(subject.at("upstream.port", message, help));
    }
    findings
}
