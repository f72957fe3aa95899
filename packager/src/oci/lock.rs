//! `sallyport.lock`: which filter the manifests of a mesh pin. Written by `image push`, read by `build`; this is its shape
//! for both.

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// The version of the shape.
pub(crate) const VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockFile {
    pub(crate) version: u32,
    pub(crate) filter: LockedFilter,
}

/// The image that was pushed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockedFilter {
    /// Registry and repository.
    pub(crate) image: String,
    /// Of the manifest.
    pub(crate) digest: String,
}

/// The text of the file.
pub(crate) fn render(image: &str, digest: &Digest) -> Result<String, serde_json::Error> {
    let filter = LockedFilter { image: image.to_owned(), digest: digest.to_string() };
    serde_json::to_string_pretty(&LockFile { version: VERSION, filter }).map(|text| text + "\n")
}
