//! What the host must be asked for.

use core::ops::{BitOr, BitOrAssign};

/// What the host is asked for beside a request's headers. A bit set: what rules need is fixed when the policy is compiled,
/// the rest is added by the stage of [`flow`](crate::flow) that needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u16);

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `connection.mtls`.
    pub const MTLS: Self = Self(1);
    /// `connection.uri_san_peer_certificate`.
    pub const URI_SAN: Self = Self(1 << 1);
    /// The caller's identity: [`Needs::URI_SAN`], and where there is none [`Needs::MTLS`].
    pub const PEER: Self = Self(Self::MTLS.0 | Self::URI_SAN.0);
    /// `source.address`.
    pub const SOURCE_ADDRESS: Self = Self(1 << 2);
    /// `destination.address`.
    pub const DESTINATION_ADDRESS: Self = Self(1 << 3);
    /// `connection.requested_server_name`.
    pub const SNI: Self = Self(1 << 4);
    /// `metadata`.
    pub const METADATA: Self = Self(1 << 5);
    /// `connection.sha256_peer_certificate_digest`.
    pub const PEER_DIGEST: Self = Self(1 << 6);
    /// `destination.port`.
    pub const DESTINATION_PORT: Self = Self(1 << 7);
    /// `response.code`.
    pub const RESPONSE_STATUS: Self = Self(1 << 8);
    /// `response.grpc_status`.
    pub const GRPC_STATUS: Self = Self(1 << 9);
    /// `response.code_details`.
    pub const RESPONSE_DETAILS: Self = Self(1 << 10);
    /// `response.backend_latency`.
    pub const BACKEND_LATENCY: Self = Self(1 << 11);
    /// The time, in nanoseconds since the epoch.
    pub const TIME: Self = Self(1 << 12);
    /// 24 random bytes.
    pub const RANDOM_IDS: Self = Self(1 << 13);
    /// `connection.tls_version`.
    pub const TLS_VERSION: Self = Self(1 << 14);

    /// Where Envoy has each property: the segments of its attribute's path, joined by NUL.
    pub const PROPERTIES: [(Self, &'static str); 13] = [
        (Self::MTLS, "connection\0mtls"),
        (Self::URI_SAN, "connection\0uri_san_peer_certificate"),
        (Self::PEER_DIGEST, "connection\0sha256_peer_certificate_digest"),
        (Self::SOURCE_ADDRESS, "source\0address"),
        (Self::DESTINATION_ADDRESS, "destination\0address"),
        (Self::DESTINATION_PORT, "destination\0port"),
        (Self::SNI, "connection\0requested_server_name"),
        (Self::TLS_VERSION, "connection\0tls_version"),
        (Self::METADATA, "metadata"),
        (Self::RESPONSE_STATUS, "response\0code"),
        (Self::GRPC_STATUS, "response\0grpc_status"),
        (Self::RESPONSE_DETAILS, "response\0code_details"),
        (Self::BACKEND_LATENCY, "response\0backend_latency"),
    ];

    /// Whether all of `other` is needed.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is needed here and not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Needs {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
