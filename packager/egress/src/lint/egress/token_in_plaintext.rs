//! Callers' tokens go to the upstream in plaintext.
//!
//! The caller's token is forwarded with the request. Without TLS, an attacker on the network can read
//! it and act as the caller until it expires.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: httpbin.org, port: 8080, tls: {mode: NONE}}
//! authn: {jwt: [{issuer: "https://login.example.com", jwksUri: "https://login.example.com/jwks"}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: httpbin.org, port: 8443, tls: {mode: SIMPLE}}
//! authn: {jwt: [{issuer: "https://login.example.com", jwksUri: "https://login.example.com/jwks"}]}
//! ```
//!
//! Fix: Use TLS to the upstream: `tls: {mode: SIMPLE}` or `tls: {mode: MUTUAL}`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;

pub(super) const LINT: Lint = Lint { code: Code::TokenInPlaintext, run, source: include_str!("token_in_plaintext.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let plaintext = input.egresses.iter().filter(|subject| subject.egress.spec.upstream.tls.mode == TlsMode::None);
    let with_tokens = plaintext.filter(|subject| !subject.egress.spec.authn.jwt.is_empty());
    let message = "callers' tokens go to the upstream in plaintext";
    with_tokens
        .map(|subject| subject.at("upstream.tls.mode", message, "write `mode: SIMPLE` or `mode: MUTUAL`"))
        .collect()
}
