//! Callers: TLS clients with or without a certificate, over HTTP/1.1 byte by byte, or over HTTP/2.

mod frames;
mod http1;
mod http2;
mod reply;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

pub use self::frames::{Answer, Frames};
pub use self::http1::Http1;
pub use self::http2::Http2;
pub use self::reply::{Reply, Spoken};

/// How long a caller waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// One who calls: an address to call, and what to show there.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The name in reports.
    pub name: String,
    /// The identity that the certificate shows: `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. Empty without a certificate.
    pub principal: String,
    address: SocketAddr,
    host: String,
    tls: Arc<ClientConfig>,
    /// The same with TLS 1.2 alone.
    tls12: Arc<ClientConfig>,
}

impl Caller {
    /// A caller with a certificate (`identity`: PEM files of chain and key) or without one.
    pub fn new(
        name: &str,
        principal: &str,
        (address, host): (SocketAddr, &str),
        authority: &Path,
        identity: Option<(&Path, &Path)>,
    ) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots.add(certificate)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = |versions: &[&'static SupportedProtocolVersion]| -> Result<Arc<ClientConfig>> {
            let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(versions)?
                .with_root_certificates(roots.clone());
            Ok(Arc::new(match identity {
                None => builder.with_no_client_auth(),
                Some((chain, key)) => builder.with_client_auth_cert(certificates(chain)?, private_key(key)?)?,
            }))
        };
        Ok(Self {
            name: name.to_owned(),
            principal: principal.to_owned(),
            address,
            host: host.to_owned(),
            tls: tls(rustls::DEFAULT_VERSIONS)?,
            tls12: tls(&[&rustls::version::TLS12])?,
        })
    }

    /// The same caller, with TLS 1.2 alone.
    #[must_use]
    pub fn with_tls12(&self) -> Self {
        Self { tls: Arc::clone(&self.tls12), ..self.clone() }
    }

    /// The same caller, calling somewhere else.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// Where it calls.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host it calls by default.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Opens a connection for HTTP/1.1.
    pub fn http1(&self) -> Result<Http1> {
        Http1::open(self).with_context(|| format!("`{}` cannot connect", self.name))
    }

    /// Opens a connection for HTTP/2.
    pub fn http2(&self) -> Result<Http2> {
        Http2::open(self).with_context(|| format!("`{}` cannot connect", self.name))
    }

    /// Opens a connection for HTTP/2, for what no client library would send.
    pub fn frames(&self) -> Result<Frames> {
        Frames::open(self).with_context(|| format!("`{}` cannot connect", self.name))
    }

    /// Opens a connection for HTTP/2, for requests that do not wait for each other.
    pub(crate) async fn channel(&self) -> Result<http2::Channel> {
        http2::Channel::open(self).await.with_context(|| format!("`{}` cannot connect", self.name))
    }

    /// Sends one request on an HTTP/1.1 connection of its own.
    pub fn send(&self, request: &Request) -> Result<Reply> {
        self.http1()?.send(request)
    }

    /// Sends one request on a connection of its own, over one of the protocols.
    pub fn send_over(&self, request: &Request, http2: bool) -> Result<Reply> {
        if http2 { self.http2()?.send(request) } else { self.send(request) }
    }

    fn tls_for(&self, protocol: &[u8]) -> Result<(Arc<ClientConfig>, ServerName<'static>)> {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![protocol.to_vec()];
        Ok((Arc::new(tls), ServerName::try_from(self.host.clone())?))
    }
}

/// A request to send: nothing is checked or corrected on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as it is sent.
    pub method: Vec<u8>,
    /// Path and query, as they are sent.
    pub path: Vec<u8>,
    /// The host; by default the caller's.
    pub host: Option<Vec<u8>>,
    /// Further headers, in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body; an empty one is not announced.
    pub body: Vec<u8>,
    /// What comes after the body, in order.
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
    /// What HTTP/2 calls the scheme: `https`, unless a sidecar says otherwise.
    pub scheme: &'static str,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &str, path: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_bytes().to_vec(),
            path: path.as_ref().to_vec(),
            host: None,
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            scheme: "https",
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: impl AsRef<[u8]>) -> Self {
        Self::new("GET", path)
    }

    /// The request with one more header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The request with one more trailer.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The request for another host.
    #[must_use]
    pub fn host(mut self, host: impl AsRef<[u8]>) -> Self {
        self.host = Some(host.as_ref().to_vec());
        self
    }

    /// The request with a body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The shape of a gRPC call with an empty message.
    #[must_use]
    pub fn grpc(path: &str) -> Self {
        const EMPTY_MESSAGE: [u8; 5] = [0; 5];
        Self::new("POST", path).header("content-type", "application/grpc").header("te", "trailers").body(EMPTY_MESSAGE)
    }
}

/// The certificates of a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found.with_context(|| format!("{} is not PEM", path.display()))
}

/// The private key of a PEM file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    PrivateKeyDer::from_pem_slice(&pem).with_context(|| format!("{} holds no private key", path.display()))
}
