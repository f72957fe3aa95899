//! Whether the files of certificates and keys are what they are named as.
//!
//! # Design
//! Envoy decides what it accepts, and its own errors name neither the role of a file nor what would be right. So only what is
//! certainly wrong is refused here: no PEM, none of the wanted sections, broken base64, a key with a passphrase, and a key
//! of another certificate. A curve or an encoding that this program cannot read may be one that Envoy can.

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// One or more certificates: authorities, or a certificate with its chain.
    Certificates,
    /// A private key.
    Key,
}

/// What is wrong with a file, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The rest of a sentence whose subject is the file.
    pub(crate) what: &'static str,
    pub(crate) help: &'static str,
}

const CERTIFICATES: &str = "it must hold certificates in PEM: `-----BEGIN CERTIFICATE-----`";
const KEY: &str = "it must hold a private key in PEM: `-----BEGIN PRIVATE KEY-----`";

/// Checks one file.
pub(crate) fn check(role: Role, content: &[u8]) -> Result<(), Flaw> {
    let (wanted, help, other) = match role {
        Role::Certificates => ("CERTIFICATE", CERTIFICATES, "holds a private key, but no certificate"),
        Role::Key => ("PRIVATE KEY", KEY, "holds a certificate, but no private key"),
    };
    let flaw = |what| Err(Flaw { what, help });
    if content.trim_ascii().is_empty() {
        return flaw("is empty");
    }
    // The first byte of every certificate, key and PKCS#12 file in DER.
    if content.first() == Some(&0x30) && !content.contains(&b'-') || content.contains(&0) {
        return flaw("is binary, not PEM: `openssl x509`, `pkey` and `pkcs12` convert it");
    }
    let text = String::from_utf8_lossy(content);
    let labels: Vec<&str> = text.split("-----BEGIN ").skip(1).filter_map(|rest| rest.split("-----").next()).collect();
    if labels.is_empty() {
        return flaw("is not PEM");
    }
    // For Envoy it is no section, and nothing is said of it.
    if text.lines().any(|line| !line.starts_with("-----BEGIN ") && line.contains("-----BEGIN ")) {
        return flaw("has something before `-----BEGIN` on its line: white space, or a byte order mark");
    }
    let own: Vec<&&str> = labels.iter().filter(|label| label.ends_with(wanted)).collect();
    if own.is_empty() {
        let is_other = labels.iter().any(|label| label.ends_with("PRIVATE KEY") || label.ends_with("CERTIFICATE"));
        return flaw(match (is_other, role) {
            (true, _) => other,
            (false, Role::Certificates) => "holds no certificate",
            (false, Role::Key) => "holds no private key",
        });
    }
    if role == Role::Key && (own.iter().all(|label| label.starts_with("ENCRYPTED")) || text.contains(",ENCRYPTED")) {
        return Err(Flaw {
            what: "is encrypted with a passphrase, which Envoy does not have",
            help: "`openssl pkey -in FILE -out NEW` writes the key without one",
        });
    }
    let is_sound = match role {
        Role::Certificates => CertificateDer::pem_slice_iter(content).all(|found| found.is_ok_and(|der| is_der(&der))),
        Role::Key => PrivateKeyDer::from_pem_slice(content).is_ok_and(|key| is_der(key.secret_der())),
    };
    if is_sound {
        Ok(())
    } else {
        flaw("is damaged: a section of it has no end, is not base64, or holds something else than its first line says")
    }
}

/// Whether this is a sequence in DER as long as it says (X.690, 8.1.3), as every certificate and key is.
fn is_der(bytes: &[u8]) -> bool {
    let Some((0x30, rest)) = bytes.split_first() else { return false };
    let Some((first, rest)) = rest.split_first() else { return false };
    let (length, content) = match first.checked_sub(0x80) {
        None => (usize::from(*first), rest),
        Some(count) => match rest.split_at_checked(count.into()) {
            Some((length, content)) if length.len() <= 4 => {
                (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), content)
            }
            _ => return false,
        },
    };
    content.len() == length
}

/// Whether the key is certainly not the one of the certificate. Both files were checked.
pub(crate) fn is_of_another(certificates: &[u8], key: &[u8]) -> bool {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates).filter_map(Result::ok).collect();
    let Ok(key) = PrivateKeyDer::from_pem_slice(key) else { return false };
    let checked = CertifiedKey::from_der(chain, key, &default_provider());
    matches!(checked, Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    /// A certificate with its key, in PEM.
    pub(crate) fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::default().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn what(role: Role, content: impl AsRef<[u8]>) -> &'static str {
        check(role, content.as_ref()).err().map_or("", |flaw| flaw.what)
    }

    #[test]
    fn what_envoy_can_use_is_accepted() {
        let (certificate, key) = pair();
        let both = format!("{key}\n{certificate}");
        let commented = format!("Bag Attributes\n  friendlyName: a\n{}", certificate.replace('\n', "\r\n"));
        for certificates in [&certificate, &both, &commented, &format!("{certificate}{certificate}")] {
            assert_eq!(what(Role::Certificates, certificates), "", "{certificates}");
        }
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        for keys in [&key, &both, &format!("{parameters}{key}")] {
            assert_eq!(what(Role::Key, keys), "", "{keys}");
        }
    }

    #[test]
    fn what_is_certainly_wrong_is_refused() {
        let (certificate, key) = pair();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
                   -----END RSA PRIVATE KEY-----\n";
        let request = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
        let damaged =
            "is damaged: a section of it has no end, is not base64, or holds something else than its first line says";
        let before = "has something before `-----BEGIN` on its line: white space, or a byte order mark";
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let binary = "is binary, not PEM: `openssl x509`, `pkey` and `pkcs12` convert it";
        for (role, content, expected) in [
            (Role::Certificates, "", "is empty"),
            (Role::Key, " \n\n", "is empty"),
            (Role::Certificates, "certificate\n", "is not PEM"),
            (Role::Certificates, "0\u{1}\u{0}", binary),
            (Role::Certificates, &key, "holds a private key, but no certificate"),
            (Role::Key, &certificate, "holds a certificate, but no private key"),
            (Role::Certificates, request, "holds no certificate"),
            (Role::Key, request, "holds no private key"),
            (Role::Key, &encrypted, "is encrypted with a passphrase, which Envoy does not have"),
            (Role::Key, old, "is encrypted with a passphrase, which Envoy does not have"),
            (Role::Certificates, certificate.split("-----END").next().unwrap_or_default(), damaged),
            (Role::Certificates, &certificate.replace("MII", "M*I"), damaged),
            (Role::Certificates, &format!("{certificate}-----BEGIN CERTIFICATE-----\n"), damaged),
            (Role::Key, &key.replace("MIG", "M*G"), damaged),
            (Role::Certificates, no_certificate, damaged),
            (Role::Certificates, &format!("{certificate}{no_certificate}"), damaged),
            (Role::Certificates, &format!("\u{feff}{certificate}"), before),
            (Role::Certificates, &certificate.replace('\n', "\n  "), damaged),
            (Role::Key, &format!("  {key}"), before),
        ] {
            assert_eq!(what(role, content), expected, "{content}");
        }
        assert_eq!(what(Role::Certificates, [0x30, 0x82, 0x01, 0x0a]), binary);
    }

    #[test]
    fn a_key_is_that_of_the_first_certificate() {
        let ((certificate, key), (other, other_key)) = (pair(), pair());
        let of_another = |certificates: &str, key: &str| is_of_another(certificates.as_bytes(), key.as_bytes());
        assert!(!of_another(&certificate, &key) && !of_another(&format!("{certificate}{other}"), &key));
        assert!(of_another(&certificate, &other_key) && of_another(&format!("{other}{certificate}"), &key));
        // What cannot be read is for Envoy to judge.
        assert!(!of_another("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key));
        assert!(!of_another(&certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    }
}
