//! SHA-256 digests of content.

use sha2::{Digest as _, Sha256};

pub(crate) use sallyport_egress::value::digest::Digest;

/// The digest of this content.
pub(crate) fn digest_of(content: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(content).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_of(b"").to_string(), empty);
    }
}
