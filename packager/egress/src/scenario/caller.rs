//! Callers: what a connection shows of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sallyport_core::dns;
use serde_json::{Map, Value};

/// A caller, as the gateway sees its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Its verified certificate; `None`: no mutual TLS.
    pub certificate: Option<Certificate>,
    /// The certificates of those on whose behalf it sends the request, oldest first: elements of
    /// `x-forwarded-client-cert` before the gateway's own.
    pub forwarded: Vec<Certificate>,
    /// Where the connection comes from, or the remote address behind trusted proxies; `None`: a host without addresses.
    pub address: Option<IpAddr>,
    /// The address and port of the gateway that it connects to.
    pub gateway: Option<SocketAddr>,
    /// The name that it asks for in the TLS handshake.
    pub server_name: Option<String>,
    /// `TLSv1.3`.
    pub tls_version: Option<String>,
    /// The claims of its verified token.
    pub token: Option<Map<String, Value>>,
    /// What other filters said of the request, by filter and field.
    pub metadata: BTreeMap<String, Map<String, Value>>,
}

/// The names of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certificate {
    /// Its URI names, in order.
    pub uris: Vec<String>,
    /// Its DNS names, in order.
    pub dns: Vec<String>,
}

/// The trust domain of a mesh that sets none.
const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

impl Certificate {
    /// A certificate as Istio issues it: `spiffe://PRINCIPAL`.
    #[must_use]
    pub fn of_principal(principal: &str) -> Self {
        Self { uris: vec![format!("spiffe://{principal}")], dns: Vec::new() }
    }

    /// The principal, if the certificate has exactly one URI name and that is a SPIFFE id.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        match &*self.uris {
            [uri] => uri.strip_prefix("spiffe://"),
            _ => None,
        }
    }

    /// The element of `x-forwarded-client-cert` about it. Envoy writes names as they are.
    pub(crate) fn element(&self, digest: &str) -> String {
        let mut element = format!("Hash={digest}");
        for (key, names) in [("URI", &self.uris), ("DNS", &self.dns)] {
            for name in names {
                element.push_str(&format!(";{key}={name}"));
            }
        }
        element
    }
}

/// How a certificate without any name is written.
const UNNAMED: &str = "unnamed";
/// How no certificate is written.
const ANONYMOUS: &str = "anonymous";

/// Certificates as people write them: `NS/SA` of the mesh's trust domain, an Istio principal of any other, `spiffe://...` for
/// another identity, several URIs with commas between them, and `unnamed`.
impl Certificate {
    /// Reads what [`Certificate::written`] writes.
    #[must_use]
    pub fn read(text: &str, trust_domain: &str) -> Option<Self> {
        if text == UNNAMED {
            return Some(Self::default());
        }
        if !text.contains("://") {
            return principal_of(text, trust_domain).map(|principal| Self::of_principal(&principal));
        }
        let is_uri = |uri: &str| {
            let is_plain = uri.chars().all(|c| !c.is_whitespace() && !c.is_control());
            is_plain && uri.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
        };
        let uris: Vec<String> = text.split(',').map(str::to_owned).collect();
        uris.iter().all(|uri| is_uri(uri)).then_some(Self { uris, dns: Vec::new() })
    }

    /// The certificate in one word. DNS names are in no certificate that [`Certificate::read`] reads.
    #[must_use]
    pub fn written(&self, trust_domain: &str) -> String {
        let Some(principal) = self.principal() else {
            let names: Vec<String> =
                self.uris.iter().cloned().chain(self.dns.iter().map(|name| format!("dns:{name}"))).collect();
            return if names.is_empty() { UNNAMED.to_owned() } else { names.join(",") };
        };
        let account = principal.strip_prefix(trust_domain).and_then(|path| path.strip_prefix("/ns/"));
        let short = account.and_then(|account| account.split_once("/sa/")).map(|(ns, sa)| format!("{ns}/{sa}"));
        let candidates = short.into_iter().chain([principal.to_owned()]);
        // The first that is read as this principal again.
        let mut read = candidates.filter(|text| principal_of(text, trust_domain).as_deref() == Some(principal));
        read.next().unwrap_or_else(|| format!("spiffe://{principal}"))
    }
}

/// The principal of `NAMESPACE/ACCOUNT`; a principal in full is its own.
#[must_use]
pub fn principal_of(text: &str, trust_domain: &str) -> Option<String> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, account] if dns::is_label(namespace) && dns::is_subdomain(account) => {
            Some(format!("{trust_domain}/ns/{namespace}/sa/{account}"))
        }
        [_, "ns", _, "sa", _] => Some(text.to_owned()),
        _ => None,
    }
}

impl Caller {
    /// A caller without a certificate, from 127.0.0.1, to port 8443 of a gateway at 127.0.0.1.
    #[must_use]
    pub fn anonymous() -> Self {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            certificate: None,
            forwarded: Vec::new(),
            address: Some(local),
            gateway: Some(SocketAddr::new(local, 8443)),
            server_name: None,
            tls_version: None,
            token: None,
            metadata: BTreeMap::new(),
        }
    }

    /// A workload of the mesh, with the certificate of this principal (`TD/ns/NS/sa/SA`).
    #[must_use]
    pub fn of_principal(principal: &str) -> Self {
        Self {
            certificate: Some(Certificate::of_principal(principal)),
            tls_version: Some("TLSv1.3".to_owned()),
            ..Self::anonymous()
        }
    }

    /// The principal on whose behalf the request comes, or of the connection.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.forwarded.last().or(self.certificate.as_ref())?.principal()
    }
}

impl Caller {
    /// Who calls, in one word: the certificate that it calls with, or on whose behalf it calls.
    #[must_use]
    pub fn written(&self, trust_domain: &str) -> String {
        match (self.forwarded.last(), &self.certificate) {
            (Some(certificate), _) => certificate.written(trust_domain),
            (None, Some(certificate)) if self.forwarded.is_empty() => certificate.written(trust_domain),
            (None, _) => ANONYMOUS.to_owned(),
        }
    }

    /// The forwarder that sends the request for it, in one word.
    #[must_use]
    pub fn forwarder(&self, trust_domain: &str) -> Option<String> {
        let own = self.certificate.as_ref().filter(|_| !self.forwarded.is_empty());
        own.map(|certificate| certificate.written(trust_domain))
    }
}

/// As it is written in a mesh of the default trust domain, with its forwarder.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(DEFAULT_TRUST_DOMAIN))?;
        match self.forwarder(DEFAULT_TRUST_DOMAIN) {
            Some(forwarder) => write!(f, " through {forwarder}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read_as_it_is_written() {
        let uris =
            |uris: &[&str]| Certificate { uris: uris.iter().map(|uri| (*uri).to_owned()).collect(), dns: Vec::new() };
        for (certificate, text) in [
            (Certificate::of_principal("corp.example/ns/shop/sa/web"), "shop/web"),
            (Certificate::of_principal("partner.example/ns/shop/sa/web"), "partner.example/ns/shop/sa/web"),
            (Certificate::of_principal("corp.example/ns/sh.op/sa/web"), "corp.example/ns/sh.op/sa/web"),
            (Certificate::of_principal("partner.example/a"), "spiffe://partner.example/a"),
            (Certificate::of_principal("corp.example/a"), "spiffe://corp.example/a"),
            (Certificate::of_principal("corp.example/ns/a/b"), "spiffe://corp.example/ns/a/b"),
            (uris(&["https://a"]), "https://a"),
            (uris(&["spiffe://a/b", "spiffe://c/ns/d/sa/e"]), "spiffe://a/b,spiffe://c/ns/d/sa/e"),
            (Certificate::default(), "unnamed"),
        ] {
            assert_eq!(certificate.written("corp.example"), text);
            assert_eq!(Certificate::read(text, "corp.example"), Some(certificate));
        }
        for text in ["web", "a b/c", "spiffe://", "spiffe://a b", "spiffe://a,b", "a/b/c", "", "://a"] {
            assert_eq!(Certificate::read(text, "corp.example"), None, "{text}");
        }
    }
}
