//! A certificate authority for this machine alone, and the certificates that it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use super::files::{Layout, Pair, read, replace};
use crate::exit::{Exit, Failure};

/// How long a certificate is valid. Each session issues new ones.
const LIFETIME: Duration = Duration::days(365);

/// Signs the certificates of the gateway and the callers.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Uses the key in the directory, or creates one.
    ///
    /// The certificate is signed again each time, with the same name and key and a new lifetime, so that a copy from an
    /// earlier session remains valid.
    pub(crate) fn open(layout: &Layout) -> Result<Self, Failure> {
        let key = if layout.ca_key().exists() {
            let pem = String::from_utf8_lossy(&read(&layout.ca_key())?).into_owned();
            KeyPair::from_pem(&pem)
                .map_err(|error| crypto(&error).with_help("remove the directory to create everything in it again"))?
        } else {
            let key = KeyPair::generate().map_err(|error| crypto(&error))?;
            replace(&layout.ca_key(), key.serialize_pem().as_bytes())?;
            key
        };
        let mut params = params(Vec::new());
        params.distinguished_name.push(DnType::OrganizationName, "Sallyport, for this machine alone");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(|error| crypto(&error))?;
        replace(&layout.ca(), certificate.pem().as_bytes())?;
        Ok(Authority { issuer: Issuer::new(params, key) })
    }

    /// Creates a key and its certificate. As in a mesh, the identity is the URI, and there is no subject.
    pub(crate) fn issue(&self, spiffe_id: &str, hosts: &[&str], pair: &Pair) -> Result<(), Failure> {
        let mut names = vec![SanType::URI(spiffe_id.try_into().map_err(|error| crypto(&error))?)];
        for host in hosts {
            names.push(match host.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*host).try_into().map_err(|error| crypto(&error))?),
            });
        }
        let mut params = params(names);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(|error| crypto(&error))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| crypto(&error))?;
        replace(&pair.key, key.serialize_pem().as_bytes())?;
        replace(&pair.certificate, certificate.pem().as_bytes())
    }
}

fn params(names: Vec<SanType>) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.distinguished_name = DistinguishedName::new();
    // The clock of a client may be a little behind.
    params.not_before = now.saturating_sub(Duration::hours(1));
    params.not_after = now.saturating_add(LIFETIME);
    params
}

fn crypto(error: &rcgen::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot create certificates: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    fn openssl(arguments: &[&str], files: &[&Path]) -> String {
        let output = Command::new("openssl").args(arguments).args(files).output().expect("openssl is installed");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    #[test]
    fn a_certificate_carries_its_identity_and_outlives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path().to_owned());
        let pair = layout.caller("httpbin.sleep");
        let id = "spiffe://cluster.local/ns/httpbin/sa/sleep";
        Authority::open(&layout).unwrap().issue(id, &["localhost", "127.0.0.1"], &pair).unwrap();
        Authority::open(&layout).unwrap();
        let text = openssl(&["x509", "-noout", "-text", "-in"], &[&pair.certificate]);
        for expected in [id, "DNS:localhost", "IP Address:127.0.0.1", "TLS Web Client Authentication"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        let verified = openssl(&["verify", "-x509_strict", "-CAfile"], &[&layout.ca(), &pair.certificate]);
        assert!(verified.trim_end().ends_with(": OK"), "{verified}");
    }
}
