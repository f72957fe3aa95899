//! The certificates on this machine that Envoy needs to connect to the upstream.

use std::env;
use std::path::{Path, PathBuf};

use sallyport_egress::model::{Egress, TlsMode};
use sallyport_egress::value::authn::JwksUri;
use sallyport_egress::value::file_path::FilePath;

use super::bootstrap::Trust;
use super::files::Pair;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// The CA certificates of the system: Debian, Fedora, openSUSE, Alpine and BSD, RHEL.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// Finds the certificates that the file refers to. Paths in the file are relative to it; `given` replaces its
/// `caCertificates`.
pub(crate) fn resolve(egress: &Egress, file: &Path, given: Option<&Path>) -> Result<Trust, Failure> {
    let tls = &egress.spec.upstream.tls;
    let directory = file.parent().unwrap_or(Path::new("."));
    let named = |field: &str, path: Option<&FilePath>| match path {
        Some(path) => existing(&directory.join(path.as_str()), &format!("spec.upstream.tls.{field}")),
        None => Err(Failure::new(Exit::Problems, format!("`spec.upstream.tls.{field}` is missing"))),
    };
    let upstream = match (tls.mode, given, tls.ca_certificates.as_deref()) {
        (TlsMode::None, ..) => None,
        (_, Some(path), _) => Some(existing(path, "--ca-certificates")?),
        (_, None, None | Some("system")) => Some(system()?),
        (_, None, Some(_)) => Some(
            named("caCertificates", tls.ca_certificates.as_ref())
                .map_err(|failure| failure.with_help("give the path on this machine with --ca-certificates"))?,
        ),
    };
    let client = match tls.mode {
        TlsMode::Mutual => Some(Pair {
            certificate: named("clientCertificate", tls.client_certificate.as_ref())?,
            key: named("privateKey", tls.private_key.as_ref())?,
        }),
        TlsMode::Simple | TlsMode::None => None,
    };
    let fetched = egress.spec.authn.jwt.iter().filter(|provider| provider.jwks.is_none());
    let needs_ca_certificates = fetched.filter_map(|provider| provider.jwks_uri.as_ref()).any(JwksUri::is_tls);
    let jwks = if needs_ca_certificates { Some(system()?) } else { None };
    Ok(Trust { upstream, jwks, client })
}

fn existing(path: &Path, role: &str) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(path)
        .map_err(|_| Failure::new(Exit::Io, format!("the file `{}` from {role} does not exist", printable(path))))
}

fn system() -> Result<PathBuf, Failure> {
    let own = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let found = own.into_iter().chain(SYSTEM.map(PathBuf::from)).find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new(Exit::Io, "no CA certificates were found on this machine")
            .with_help("install ca-certificates, or give a file with --ca-certificates or SSL_CERT_FILE")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::example::tests::egress_with;

    #[test]
    fn plaintext_needs_no_certificates() {
        let mut egress = egress_with(Vec::new());
        egress.spec.upstream.tls.mode = TlsMode::None;
        assert_eq!(resolve(&egress, Path::new("e.yaml"), None).unwrap(), Trust::default());
    }

    #[test]
    fn a_missing_file_is_reported() {
        let mut egress = egress_with(Vec::new());
        egress.spec.upstream.tls.ca_certificates = "no/such.pem".parse().ok();
        let failure = resolve(&egress, Path::new("/x/e.yaml"), None).unwrap_err();
        assert_eq!(failure.message, "the file `/x/no/such.pem` from spec.upstream.tls.caCertificates does not exist");
    }

    #[test]
    fn mutual_tls_without_a_certificate_is_refused() {
        let mut egress = egress_with(Vec::new());
        egress.spec.upstream.tls.mode = TlsMode::Mutual;
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.pem");
        std::fs::write(&ca, "").unwrap();
        let failure = resolve(&egress, Path::new("/x/e.yaml"), Some(&ca)).unwrap_err();
        assert_eq!(failure.message, "`spec.upstream.tls.clientCertificate` is missing");
    }
}
