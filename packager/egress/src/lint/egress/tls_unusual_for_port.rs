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

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let upstream = &subject.egress.spec.upstream;
        let (message, help) = match (upstream.port, upstream.tls.mode) {
            (443, TlsMode::None) => ("port 443 expects TLS, but the mode is `NONE`", "write `tls: {mode: SIMPLE}`"),
            (80, TlsMode::Simple | TlsMode::Mutual) => {
                ("port 80 expects plaintext, but `tls.mode` turns TLS on", "write `port: 443`, or `tls: {mode: NONE}`")
            }
            _ => continue,
        };
        findings.push(subject.at("upstream.port", message, help));
    }
    findings
}
