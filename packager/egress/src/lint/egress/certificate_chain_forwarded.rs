//! The upstream receives the caller's whole certificate chain.
//!
//! The header `x-forwarded-client-cert` has it, together with the SPIFFE IDs of the caller and the
//! gateway: names of namespaces and accounts that a party outside the mesh should not learn. With
//! `hygiene: off` it is sent with every request, and so are pod addresses and the host's internal name.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! headers: {hygiene: off}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! headers: {hygiene: strict, set: [{name: x-caller, value: "%{caller.serviceAccount}"}]}
//! ```
//!
//! Fix: Write `hygiene: strict` or `hygiene: compatible`, and `set` one header with what the upstream
//! really needs.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use sallyport_core::wire::Hygiene;

pub(super) const LINT: Lint =
    Lint { code: Code::CertificateChainForwarded, run, source: include_str!("certificate_chain_forwarded.rs") };

const CHAIN: &str = "x-forwarded-client-cert";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let headers = &subject.egress.spec.headers;
        let help = "write `hygiene: strict`, and `set` a header with what the upstream needs";
        let message = "the upstream receives the caller's certificate chain";
        if headers.hygiene == Hygiene::Off && !headers.remove.iter().any(|name| *name == *CHAIN) {
            findings.push(subject.at("headers.hygiene", message, help));
        } else if let Some(position) = headers.keep.iter().position(|name| *name == *CHAIN) {
            findings.push(subject.at(&format!("headers.keep[{position}]"), message, help));
        }
    }
    findings
}
