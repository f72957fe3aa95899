//! A certificate authority of the test's own, and what it signs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::client::{certificates, private_key};
use crate::process::Scratch;

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, both as PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Identity {
    /// What a server needs that shows it, and speaks these protocols (ALPN; none: says nothing of them).
    pub(crate) fn tls(&self, protocols: &[&[u8]]) -> Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?)?;
        tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(tls)
    }

    /// What a server needs that shows it, and lets in only clients with a certificate of these authorities.
    pub(crate) fn mutual_tls(&self, authorities: &[&Authority]) -> Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.issuer.der().clone())?;
        }
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = builder.with_client_cert_verifier(clients);
        Ok(builder.with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?)?)
    }
}

impl Authority {
    /// Makes a new authority.
    pub fn new(name: &str) -> Result<Self> {
        Self::with(name, CertificateParams::default())
    }

    /// Makes an authority whose time is over.
    pub fn expired(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(2001, 1, 1);
        Self::with(name, params)
    }

    fn with(name: &str, mut params: CertificateParams) -> Result<Self> {
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// The authority's certificate, written as `NAME.pem`.
    pub fn write(&self, scratch: &Scratch, name: &str) -> Result<PathBuf> {
        scratch.write(&format!("{name}.pem"), self.issuer.pem())
    }

    /// Signs a certificate for DNS names and addresses, written as `NAME.pem` and `NAME.key`.
    pub fn server(&self, scratch: &Scratch, name: &str, hosts: &[&str]) -> Result<Identity> {
        self.named(scratch, name, &[], hosts)
    }

    /// Signs a certificate with one URI name, for a client.
    pub fn client(&self, scratch: &Scratch, name: &str, uri: &str) -> Result<Identity> {
        self.named(scratch, name, &[uri], &[])
    }

    /// Signs a certificate with these URI names, and DNS names or addresses, in this order; none is needed.
    pub fn named(&self, scratch: &Scratch, name: &str, uris: &[&str], hosts: &[&str]) -> Result<Identity> {
        let uris = uris.iter().map(|uri| Ok(SanType::URI(Ia5String::try_from(*uri)?)));
        let hosts = hosts.iter().map(|host| match host.parse() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => Ok(SanType::DnsName(Ia5String::try_from(*host)?)),
        });
        self.sign(scratch, name, uris.chain(hosts).collect::<Result<_>>()?)
    }

    fn sign(&self, scratch: &Scratch, name: &str, names: Vec<SanType>) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.subject_alt_names = names;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).with_context(|| format!("cannot sign `{name}`"))?;
        Ok(Identity {
            certificate: scratch.write(&format!("{name}.pem"), certificate.pem())?,
            key: scratch.write(&format!("{name}.key"), key.serialize_pem())?,
        })
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
