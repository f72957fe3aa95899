//! `sallyport.lock`: which filter the manifests of a mesh pin.

use serde::Serialize;

use super::digest::Digest;

/// The version of the shape.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Lock<'a> {
    version: u32,
    filter: Filter<'a>,
}

#[derive(Serialize)]
struct Filter<'a> {
    /// Registry and repository.
    image: &'a str,
    /// Of the manifest.
    digest: &'a Digest,
}

/// The text of the file.
pub(crate) fn render(image: &str, digest: &Digest) -> Result<String, serde_json::Error> {
    let lock = Lock { version: VERSION, filter: Filter { image, digest } };
    serde_json::to_string_pretty(&lock).map(|text| text + "\n")
}
