//! A DestinationRule has an `sni`, but no `subjectAltNames`.
//!
//! With neither, Istio verifies that the certificate is for the host. With `sni` alone it verifies no
//! name at all: anyone with a certificate of a trusted authority can act as the upstream.
//!
//! Bad:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: httpbin.org
//!   trafficPolicy:
//!     tls: {mode: SIMPLE, sni: httpbin.org}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: DestinationRule
//! metadata: {name: upstream, namespace: egress}
//! spec:
//!   host: httpbin.org
//!   trafficPolicy:
//!     tls: {mode: SIMPLE, sni: httpbin.org, subjectAltNames: [httpbin.org]}
//! ```
//!
//! Fix: Write `subjectAltNames`, too.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::SniWithoutSubjectAltNames, run, source: include_str!("sni_without_subject_alt_names.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tls in input.set.client_tls.iter().filter(|tls| tls.originates()) {
        let Some(sni) = tls.node.get("sni").filter(|_| tls.node.items_at(&["subjectAltNames"]).is_empty()) else {
            continue;
        };
        let name = quoted(sni.text().unwrap_or_default());
        let message = format!("with `sni` alone no name is verified: any trusted certificate is accepted for {name}");
        let help = format!("write `subjectAltNames: [{}]`", name.trim_matches('`'));
        findings.push(finding(tls.manifest.file, sni, message, help));
    }
    findings
}
