//! What a host says of one request: raw bytes, nothing decided.

use super::needs::Needs;

/// One request as the host sees it. Fields that [`Needs`] does not ask for may be left `None`.
///
/// Shapes are those of Envoy's attributes (envoyproxy.io, "Attributes").
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestView<'a> {
    /// Every request header in order, pseudo-headers included, names in lower case, repeated ones repeated.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// What the connection shows of the caller.
    pub peer: PeerView<'a>,
    /// `source.address`: `IP:PORT` or `[IPv6]:PORT`.
    pub source_address: Option<&'a [u8]>,
    /// `destination.address`: `IP:PORT` or `[IPv6]:PORT` of the gateway's side of the connection.
    pub destination_address: Option<&'a [u8]>,
    /// `connection.requested_server_name`.
    pub sni: Option<&'a [u8]>,
    /// `connection.tls_version`: `TLSv1.3`.
    pub tls_version: Option<&'a [u8]>,
    /// `metadata`: the serialised `envoy.config.core.v3.Metadata` of the request.
    pub metadata: Option<&'a [u8]>,
}

impl<'a> RequestView<'a> {
    /// The request, with what the host answers to each need.
    pub fn new(headers: &'a [(&'a [u8], &'a [u8])], property: impl Fn(Needs) -> Option<&'a [u8]>) -> Self {
        let uri_san = property(Needs::URI_SAN);
        Self {
            headers,
            peer: PeerView {
                mtls: shows_certificate(property(Needs::MTLS), uri_san),
                uri_san,
                digest: property(Needs::PEER_DIGEST),
            },
            source_address: property(Needs::SOURCE_ADDRESS),
            destination_address: property(Needs::DESTINATION_ADDRESS),
            sni: property(Needs::SNI),
            tls_version: property(Needs::TLS_VERSION),
            metadata: property(Needs::METADATA),
        }
    }

    /// The request of a caller on this machine over mutual TLS, to the server that it names, as a gateway on port 8443
    /// sees it: for forecasts.
    #[must_use]
    pub fn of_local_caller(headers: &'a [(&'a [u8], &'a [u8])], peer: PeerView<'a>, server: &'a [u8]) -> Self {
        Self {
            headers,
            peer,
            source_address: Some(b"127.0.0.1:50000"),
            destination_address: Some(b"127.0.0.1:8443"),
            sni: Some(server),
            tls_version: Some(b"TLSv1.3"),
            metadata: None,
        }
    }
}

/// Whether the caller has shown a certificate, by `connection.mtls` and `connection.uri_san_peer_certificate`. Anything but a
/// plain yes is a no: without a certificate a caller has no identity. A name of a certificate shows that there is one, so the
/// other attribute need not be looked up.
pub(crate) fn shows_certificate(mtls: Option<&[u8]>, uri_san: Option<&[u8]>) -> bool {
    match mtls {
        Some(answer) => answer == [1],
        None => uri_san.is_some_and(|uri| !uri.is_empty()),
    }
}

/// What the connection shows of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerView<'a> {
    /// `connection.mtls`: TLS, and the peer presented a certificate that was verified.
    pub mtls: bool,
    /// `connection.uri_san_peer_certificate`: the first URI SAN. Read only when `mtls` is true; all names are in the
    /// element of `x-forwarded-client-cert` that the gateway writes.
    pub uri_san: Option<&'a [u8]>,
    /// `connection.sha256_peer_certificate_digest`, in hexadecimal digits. Asked for where a policy has trusted forwarders.
    pub digest: Option<&'a [u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_has_its_place() {
        let view = RequestView::new(&[], |need| match need {
            Needs::URI_SAN => Some(b"san"),
            Needs::PEER_DIGEST => Some(b"digest"),
            Needs::SOURCE_ADDRESS => Some(b"source"),
            Needs::DESTINATION_ADDRESS => Some(b"destination"),
            Needs::SNI => Some(b"sni"),
            Needs::TLS_VERSION => Some(b"version"),
            Needs::METADATA => Some(b"metadata"),
            _ => None,
        });
        let values = [
            view.peer.uri_san,
            view.peer.digest,
            view.source_address,
            view.destination_address,
            view.sni,
            view.tls_version,
            view.metadata,
        ];
        let texts = ["san", "digest", "source", "destination", "sni", "version", "metadata"];
        assert_eq!(values, texts.map(|text| Some(text.as_bytes())));
    }
}
