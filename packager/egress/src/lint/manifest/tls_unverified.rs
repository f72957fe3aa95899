//! A DestinationRule verifies nothing of the upstream's certificate.
//!
//! With `insecureSkipVerify` whoever is on the way may be the upstream: TLS then keeps secrets from everybody but the one
//! who wants them.
//!
//! Remove it. For an upstream with an authority of its own write `caCertificates` or `credentialName`.

use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tls in &input.set.client_tls {
        if let Some(skip) = tls.node.get("insecureSkipVerify").filter(|skip| skip.text() == Some("true")) {
            let message = "any certificate is taken for the upstream's";
            let help = "remove it, and write `caCertificates` for an authority of its own";
            findings.push(finding(tls.manifest.file, skip, message, help));
        }
    }
    findings
}
