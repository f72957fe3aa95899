//! The filter's image.

use sallyport_egress::model::Egress;
use sallyport_egress::value::digest::Digest;
use sallyport_egress::value::image::ImageRepository;

/// The filter's image, pinned by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFilter {
    /// Registry and repository, without a tag.
    pub image: ImageRepository,
    /// The digest of the image's manifest.
    pub digest: Digest,
}

impl PinnedFilter {
    /// The image for this gateway, which can have a digest of its own: in its file, or in the lock.
    pub(crate) fn of(&self, egress: &Egress, locked: Option<&Digest>) -> PinnedFilter {
        let digest = egress.spec.gateway.filter_digest.as_ref().or(locked).unwrap_or(&self.digest);
        PinnedFilter { image: self.image.clone(), digest: digest.clone() }
    }

    /// `IMAGE@sha256:DIGEST`.
    pub(crate) fn reference(&self) -> String {
        format!("{}@{}", self.image, self.digest)
    }

    /// The port of the registry, which the agent must be able to reach.
    pub(crate) fn registry_port(&self) -> u16 {
        self.image.name().registry_port().unwrap_or(443)
    }
}
