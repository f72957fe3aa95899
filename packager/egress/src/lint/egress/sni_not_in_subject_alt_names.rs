//! The server name is not among the names that the certificate must bear.
//!
//! The upstream picks its certificate by `sni`. If `subjectAltNames` lists only other DNS names, that certificate is
//! refused, unless it happens to bear one of them, too: most often one of the two is a misspelling, seen as 503 later.
//! A `sni` without `subjectAltNames`, Istio's own trap, cannot be written here: the names then are filled with the `sni`.
//!
//! Add the `sni` to `subjectAltNames`, or leave both out: then both are `upstream.host`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let tls = &subject.egress.spec.upstream.tls;
        let Some(sni) = &tls.sni else { continue };
        let of_dns = |name: &String| !name.starts_with("spiffe://") && name.parse::<std::net::IpAddr>().is_err();
        if !tls.subject_alt_names.contains(sni) && tls.subject_alt_names.iter().all(of_dns) {
            let message = format!("the server name {} is not in `subjectAltNames`", quoted(sni));
            let help = format!("add {}, or leave `subjectAltNames` out", quoted(sni));
            findings.push(subject.at("upstream.tls.subjectAltNames", message, help));
        }
    }
    findings
}
