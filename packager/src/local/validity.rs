//! Whether certificates are valid at a time.
//!
//! # Design
//! rustls checks a certificate's dates before it looks for an issuer. So it is asked to verify each certificate with no
//! authority: whatever else it says is about the issuer, or for Envoy to judge.

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use time::OffsetDateTime;

/// What is wrong with a certificate's dates: the rest of a sentence whose subject is the certificate.
fn flaw(certificate: &CertificateDer<'_>, now: UnixTime) -> Option<String> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let algorithms = default_provider().signature_verification_algorithms.all;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], now, algorithms) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(format!("expired on {}", date(not_after)))
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Some(format!("is not valid before {}", date(not_before)))
        }
        _ => None,
    }
}

fn date(time: UnixTime) -> String {
    let found = i64::try_from(time.as_secs()).ok().and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    found.map_or_else(|| "a date out of range".to_owned(), |time| time.date().to_string())
}

/// Why a certificate is refused that is shown with these as its chain: all of them must be valid.
pub(crate) fn of_chain(pem: &[u8], now: UnixTime) -> Option<String> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).find_map(|certificate| flaw(&certificate, now))
}

/// Why nothing can be verified with these authorities: none of them is valid.
pub(crate) fn of_authorities(pem: &[u8], now: UnixTime) -> Option<String> {
    let mut flaws: Vec<Option<String>> =
        CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).map(|certificate| flaw(&certificate, now)).collect();
    if flaws.iter().all(Option::is_some) { flaws.pop().flatten() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use time::Duration;

    const NOW: u64 = 1_800_000_000;

    /// A certificate that is valid for a day from so many days after now.
    fn certificate(days: i64, is_ca: bool) -> String {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_before =
            OffsetDateTime::from_unix_timestamp(NOW.try_into().unwrap()).unwrap() + Duration::days(days);
        params.not_after = params.not_before + Duration::days(1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn a_certificate_out_of_its_time_is_named_with_the_date() {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
        for is_ca in [false, true] {
            let [old, valid, new] = [-3, 0, 3].map(|days| certificate(days, is_ca));
            for (pem, chain, authorities) in [
                (valid.clone(), "", ""),
                (old.clone(), "expired on 2027-01-13", "expired on 2027-01-13"),
                (new.clone(), "is not valid before 2027-01-18", "is not valid before 2027-01-18"),
                (format!("{valid}{old}"), "expired on 2027-01-13", ""),
                (format!("{old}{new}"), "expired on 2027-01-13", "is not valid before 2027-01-18"),
                // What cannot be read is for Envoy to judge.
                ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), "", ""),
            ] {
                assert_eq!(of_chain(pem.as_bytes(), now).unwrap_or_default(), chain, "{is_ca}: {pem}");
                assert_eq!(of_authorities(pem.as_bytes(), now).unwrap_or_default(), authorities, "{is_ca}: {pem}");
            }
        }
    }
}
