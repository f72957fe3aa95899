//! The OCI images of the filter and of the command: building, pushing and verifying them.
//!
//! [`image`] builds the bytes of an image; [`accept`] and [`module`] check whether Istio and Envoy accept one of the filter,
//! [`program`] and [`executable`] whether a container runtime could run one of the command, and [`verify`] combines their
//! results. Only [`layout`] and [`registry`] use files or the network; each is an [`ImageSource`]. Nothing here reads a
//! clock: the same content has the same digest on every machine.

pub(crate) mod accept;
pub(crate) mod archive;
pub(crate) mod digest;
pub(crate) mod executable;
pub(crate) mod image;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod module;
pub(crate) mod problem;
pub(crate) mod program;
pub(crate) mod reference;
pub(crate) mod registry;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

use clap::ValueEnum;

use digest::Digest;

use crate::exit::Failure;

/// What an image holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Content {
    /// The filter, for Istio and Envoy
    #[default]
    Filter,
    /// This command, for container runtimes
    Command,
}

/// Where an image is read from.
///
/// Missing content is `None`, which verification reports. A failure means that the source cannot be read.
pub(crate) trait ImageSource {
    /// The manifest with this digest, or without a digest the one that the user named.
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure>;

    /// The content of a blob, at most one byte more than `limit`. The caller must compare the digest.
    fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Failure>;
}
