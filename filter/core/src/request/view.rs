//! What a host tells of one request: raw bytes, nothing decided.

/// One request as the host sees it. Fields that [`Needs`](crate::request::needs::Needs) does not ask for may be left `None`.
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
    /// `metadata`: the serialised `envoy.config.core.v3.Metadata` of the request.
    pub metadata: Option<&'a [u8]>,
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
