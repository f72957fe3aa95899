//! The upstream's port and its `tls.mode` do not fit together.
//!
//! A TLS server on port 443 answers plaintext with an error that looks like an outage; TLS to a
//! plaintext port 80 ends in a handshake that never completes. Callers get 503 in both cases, which
//! does not show the cause.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: httpbin.org, port: 443, tls: {mode: NONE}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: httpbin.org, port: 443, tls: {mode: SIMPLE}}
//! ```
//!
//! Fix: Correct the port or the mode.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;

pub(super) const LINT: Lint =
    Lint { code: Code::TlsUnusualForPort, run, source: include_str!("tls_unusual_for_port.rs") };

/// The port at which servers expect TLS.
const TLS_PORT: u16 = 443;
/// Ports at which servers expect plaintext.
const PLAINTEXT_PORTS: [u16; 3] = [80, 8008, 8080];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let upstream = &subject.egress.spec.upstream;
        let port = upstream.port;
        let (message, help) = match upstream.tls.mode {
            TlsMode::None if port == TLS_PORT => {
                (format!("port {port} expects TLS, but the mode is `NONE`"), "write `tls: {mode: SIMPLE}`")
            }
            TlsMode::Simple | TlsMode::Mutual if PLAINTEXT_PORTS.contains(&port) => (
                format!("port {port} expects plaintext, but the gateway begins TLS"),
                "write the port of TLS, such as `443`, or `tls: {mode: NONE}`",
            ),
            _ => continue,
        };
        findings.push(subject.at("upstream.port", message, help));
    }
    findings
}
