//! The gateway shows the upstream a credential, and the way there is plaintext.
//!
//! Whoever listens on the way has it, and it is the gateway's own: with it anybody may do what all callers together may.
//!
//! Write `tls: {mode: SIMPLE}` or `MUTUAL`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let plaintext = input.egresses.iter().filter(|subject| subject.egress.spec.upstream.tls.mode == TlsMode::None);
    let with_credential = plaintext.filter(|subject| subject.egress.spec.headers.credential.is_some());
    let message = "the gateway's credential goes to the upstream in plaintext";
    with_credential
        .map(|subject| subject.at("headers.credential", message, "write `upstream.tls: {mode: SIMPLE}` or `MUTUAL`"))
        .collect()
}
