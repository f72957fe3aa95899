//! What Istio takes the bytes on a port for.

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Requests that routes of `http` apply to.
    Http,
    /// Connections that the caller has encrypted; routes of `tls` apply.
    Tls,
    /// Bytes; routes of `tcp` apply.
    Tcp,
    /// Istio finds out per connection.
    Detected,
}

impl Protocol {
    /// The protocol in a `Gateway`, a `ServiceEntry` or an `appProtocol`.
    pub(crate) fn of(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY" => Self::Http,
            "HTTPS" | "TLS" => Self::Tls,
            "TCP" | "MONGO" | "MYSQL" | "REDIS" | "UDP" => Self::Tcp,
            _ => Self::Detected,
        }
    }
}
