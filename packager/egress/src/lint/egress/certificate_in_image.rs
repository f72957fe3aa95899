//! A file in `upstream.tls` is in a folder of the proxy's image, where nothing is mounted.
//!
//! The gateway's pods mount the Secret `NAME-upstream-tls` at the folder of each file that
//! `upstream.tls` names. Below `/etc/ssl`, `/etc/pki` and `/usr` they do not, because that would hide
//! what the image has there, such as the system's authorities. Istio's image has no other certificate,
//! so Envoy finds no file, and every request gets 503.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream:
//!   host: bank.example
//!   port: 443
//!   tls: {caCertificates: /etc/ssl/certs/corp-ca.crt}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream:
//!   host: bank.example
//!   port: 443
//!   tls: {caCertificates: /etc/sallyport/upstream/corp-ca.crt}
//! ```
//!
//! Fix: Write a path in a folder of its own, and put the file into the Secret `NAME-upstream-tls` under
//! the same name. Ignore this warning if the proxy's image is your own, or if a patch mounts the file.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::file_path::{CERTIFICATES, FileSource, tls_secret};
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::CertificateInImage, run, source: include_str!("certificate_in_image.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (field, path) in subject.egress.spec.upstream.tls.files() {
            let is_bundle_as_own = path.source() == FileSource::Bundle && field != "caCertificates";
            if path.source() != FileSource::Image && !is_bundle_as_own {
                continue;
            }
            let message = format!("{} is in the proxy's image, if anywhere: no Secret is mounted there", quoted(path));
            let file = path.rsplit_once('/').map_or(path.as_str(), |(_, file)| file);
            let secret = tls_secret(&subject.egress.name);
            let help =
                format!("write `{CERTIFICATES}/{file}`, and put the file into the Secret `{secret}` as `{file}`");
            findings.push(subject.at(&format!("upstream.tls.{field}"), message, help));
        }
    }
    findings
}
