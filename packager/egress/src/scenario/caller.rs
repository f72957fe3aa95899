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

    /// The element of `x-forwarded-client-cert` about it.
    pub(crate) fn element(&self, digest: &str) -> String {
        let mut element = format!("Hash={digest}");
        for (key, names) in [("URI", &self.uris), ("DNS", &self.dns)] {
            for name in names {
                element.push_str(&format!(";{key}={}", quoted(name)));
            }
        }
        element
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

/// As Envoy quotes a value of the header.
fn quoted(name: &str) -> String {
    if name.contains([',', ';', '=', '"']) { format!("\"{}\"", name.replace('"', "\\\"")) } else { name.to_owned() }
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

/// `NS/SA` of an Istio principal, any other principal in full, `anonymous` without one.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |certificate: &Certificate| match certificate.principal() {
            Some(principal) => match principal.split('/').collect::<Vec<_>>()[..] {
                [_, "ns", namespace, "sa", account] => format!("{namespace}/{account}"),
                _ => principal.to_owned(),
            },
            None => format!(
                "a certificate of {}",
                certificate.uris.iter().chain(&certificate.dns).cloned().collect::<Vec<_>>().join(", ")
            ),
        };
        match (&self.certificate, self.forwarded.last()) {
            (None, _) => f.write_str("anonymous"),
            (Some(certificate), None) => f.write_str(&name(certificate)),
            (Some(certificate), Some(forwarded)) => write!(f, "{} through {}", name(forwarded), name(certificate)),
        }
    }
}
