//! The filter as an OCI image: made, pushed, and judged as Istio's agent judges it.
//!
//! Pure: [`image`] makes the bytes of an image out of a module, [`accept`] and [`module`] say whether Istio and Envoy take
//! one, [`verify`] puts their findings together. What touches files or the network: [`layout`] and [`registry`], each a
//! [`Source`] of manifests and blobs. Nothing here reads a clock: the same module is the same digest on every host.

pub(crate) mod accept;
pub(crate) mod archive;
pub(crate) mod digest;
pub(crate) mod image;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod module;
pub(crate) mod problem;
pub(crate) mod reference;
pub(crate) mod registry;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

use digest::Digest;

use crate::exit::Failure;

/// Where an image is read from.
///
/// What is not there is `None`: to a verdict that is a finding. A failure is that nobody can tell.
pub(crate) trait Source {
    /// The bytes of the manifest with this digest; without one, of the manifest that the user named.
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure>;

    /// The bytes of a blob, at most one more than `limit`. They are whatever is kept there: the caller compares digests.
    fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Failure>;
}
