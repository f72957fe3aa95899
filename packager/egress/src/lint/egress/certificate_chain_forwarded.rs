//! The upstream is told the caller's whole certificate chain.
//!
//! `x-forwarded-client-cert` has it, with the caller's SPIFFE id and the gateway's: names of namespaces and accounts, for
//! a party outside the mesh to keep. With `hygiene: off` it leaves with every request, and so do pods' addresses and the
//! host's internal name.
//!
//! Write `strict` or `compatible`, and set one header with what the upstream really needs:
//! `set: [{name: x-caller, value: "%{caller.serviceAccount}"}]`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::outbound::Hygiene;

const CHAIN: &str = "x-forwarded-client-cert";

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let headers = &subject.egress.spec.headers;
        let help = "write `hygiene: strict`, and `set` what the upstream needs";
        let message = "the upstream is told the caller's certificate chain";
        if headers.hygiene == Hygiene::Off && !headers.remove.iter().any(|name| name == CHAIN) {
            findings.push(subject.at("headers.hygiene", message, help));
        } else if let Some(position) = headers.keep.iter().position(|name| name == CHAIN) {
            findings.push(subject.at(&format!("headers.keep[{position}]"), message, help));
        }
    }
    findings
}
