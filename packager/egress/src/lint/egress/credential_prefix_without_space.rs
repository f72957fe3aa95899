//! The text before a credential does not end with a space.
//!
//! `headers.credential.prefix` stands before the secret as it is written. `Bearer` without a space makes
//! `BearerSECRET`, which no server takes for a token.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! headers: {credential: {name: authorization, prefix: Bearer, secretName: httpbin-token}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! headers: {credential: {name: authorization, prefix: "Bearer ", secretName: httpbin-token}}
//! ```
//!
//! Fix: Write the prefix in quotes, with the space at its end.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::CredentialPrefixWithoutSpace, run, source: include_str!("credential_prefix_without_space.rs") };

/// Schemes of HTTP's `authorization`, each with a space behind it (RFC 9110, 11.4), and names that servers use like them.
const SCHEMES: [&str; 10] =
    ["basic", "bearer", "digest", "dpop", "negotiate", "token", "apikey", "api-key", "key", "splunk"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(credential) = &subject.egress.spec.headers.credential else { continue };
        let prefix = credential.prefix.as_str();
        if SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(prefix)) {
            let message = format!("there is no space between {} and the secret", quoted(prefix));
            let help = format!("write {}", quoted(&format!("prefix: \"{prefix} \"")));
            findings.push(subject.at("headers.credential.prefix", message, help));
        }
    }
    findings
}
