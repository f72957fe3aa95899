//! The server name (`sni`) is not among the names that the upstream's certificate must have.
//!
//! The upstream picks its certificate by `sni`. If `subjectAltNames` lists only other DNS names, the
//! gateway refuses that certificate unless it happens to have one of them, too. Usually one of the two
//! is misspelled, and callers get 503.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: httpbin.org, port: 443, tls: {sni: httpbin.org, subjectAltNames: [httpbin.com]}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: httpbin.org, port: 443, tls: {sni: httpbin.org, subjectAltNames: [httpbin.org]}}
//! ```
//!
//! Fix: Add the `sni` to `subjectAltNames`, or remove both: then both are `upstream.host`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::host::SubjectAltName;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::SniNotInSubjectAltNames, run, source: include_str!("sni_not_in_subject_alt_names.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let tls = &subject.egress.spec.upstream.tls;
        let Some(sni) = &tls.sni else { continue };
        let is_dns_name =
            |name: &SubjectAltName| !name.starts_with("spiffe://") && name.parse::<std::net::IpAddr>().is_err();
        if !tls.subject_alt_names.iter().any(|name| *name == **sni) && tls.subject_alt_names.iter().all(is_dns_name) {
            let message = format!("the server name {} is not in `subjectAltNames`", quoted(sni));
            let help = format!("add {}, or remove `subjectAltNames`", quoted(sni));
            findings.push(subject.at("upstream.tls.subjectAltNames", message, help));
        }
    }
    findings
}
