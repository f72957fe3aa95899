//! What the host must be asked for.

use std::ops::BitOrAssign;

/// What the host must be asked for beside the request headers. A bit set, fixed when the policy is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    /// `connection.mtls` and `connection.uri_san_peer_certificate`.
    pub const PEER: Self = Self(1);
    /// `source.address`.
    pub const SOURCE_ADDRESS: Self = Self(1 << 1);
    /// `destination.address`.
    pub const DESTINATION_ADDRESS: Self = Self(1 << 2);
    /// `connection.requested_server_name`.
    pub const SNI: Self = Self(1 << 3);
    /// `metadata`.
    pub const METADATA: Self = Self(1 << 4);
    /// `connection.sha256_peer_certificate_digest`.
    pub const PEER_DIGEST: Self = Self(1 << 5);

    /// Whether all of `other` is needed.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
