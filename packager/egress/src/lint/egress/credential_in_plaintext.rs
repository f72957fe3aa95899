//! The gateway's credential goes to the upstream in plaintext.
//!
//! An attacker on the network can read it. It is the gateway's own credential, so with it an attacker
//! can do everything that all callers together may do.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: bank.example, port: 8080, tls: {mode: NONE}}
//! headers: {credential: {name: x-api-key, secretName: bank-key}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: bank.example, port: 8443, tls: {mode: SIMPLE}}
//! headers: {credential: {name: x-api-key, secretName: bank-key}}
//! ```
//!
//! Fix: Use TLS to the upstream: `tls: {mode: SIMPLE}` or `tls: {mode: MUTUAL}`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;

pub(super) const LINT: Lint =
    Lint { code: Code::CredentialInPlaintext, run, source: include_str!("credential_in_plaintext.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let plaintext = input.egresses.iter().filter(|subject| subject.egress.spec.upstream.tls.mode == TlsMode::None);
    let with_credential = plaintext.filter(|subject| subject.egress.spec.headers.credential.is_some());
    let message = "the gateway's credential goes to the upstream in plaintext";
    with_credential
        .map(|subject| subject.at("headers.credential", message, "write `upstream.tls: {mode: SIMPLE}` or `MUTUAL`"))
        .collect()
}
