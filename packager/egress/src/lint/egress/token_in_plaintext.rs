//! Tokens are believed here, and the way to the upstream is plaintext.
//!
//! The caller's token goes on to the upstream with the request. Without TLS whoever listens on the way has it, and may be
//! the caller until it expires.
//!
//! Write `tls: {mode: SIMPLE}` or `MUTUAL`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let plaintext = input.egresses.iter().filter(|subject| subject.egress.spec.upstream.tls.mode == TlsMode::None);
    let with_tokens = plaintext.filter(|subject| !subject.egress.spec.authn.jwt.is_empty());
    let message = "callers' tokens go to the upstream in plaintext";
    with_tokens
        .map(|subject| subject.at("upstream.tls.mode", message, "write `mode: SIMPLE` or `mode: MUTUAL`"))
        .collect()
}
