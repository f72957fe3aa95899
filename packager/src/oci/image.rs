//! An image made out of a module.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::archive::{PLUGIN, gzip, tar};
use super::digest::Digest;
use super::manifest::{Descriptor, Manifest, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST};
use super::{Source, archive};
use crate::exit::{Exit, Failure};

/// Tells tools for wasm images what shape this is.
const VARIANT: (&str, &str) = ("module.wasm.image/variant", "compat");

/// One manifest and all that it names.
///
/// # Design
/// The shape is the one that Istio calls "compat": a single layer of tar in gzip, and a true image config, so that not
/// only Istio's agent takes it but every container runtime, which is what image volumes need. There is no time in it, no
/// index around it and no attestation beside it: an index could never match a pinned digest. The platform is the one
/// that Istio's agent asks for.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

impl Image {
    /// The same module and annotations give the same bytes, on every host.
    pub(crate) fn build(module: &[u8], annotations: &BTreeMap<String, String>) -> io::Result<Image> {
        let archive = tar(&[(PLUGIN, module)])?;
        let layer = gzip(&archive)?;
        let config = serde_json::to_vec(&Config {
            architecture: "amd64",
            os: "linux",
            rootfs: RootFs { kind: "layers", diff_ids: [Digest::of(&archive)] },
        })?;
        let mut annotations = annotations.clone();
        annotations.insert(VARIANT.0.to_owned(), VARIANT.1.to_owned());
        let manifest = serde_json::to_vec(&Manifest {
            schema_version: 2,
            media_type: Some(OCI_MANIFEST.to_owned()),
            config: Descriptor::of(OCI_CONFIG, &config),
            layers: vec![Descriptor::of(OCI_LAYER, &layer)],
            annotations,
        })?;
        Ok(Image { manifest, blobs: vec![config, layer] })
    }

    /// All of an image that another place holds.
    pub(crate) fn copy(source: &dyn Source) -> Result<Image, Failure> {
        let lost = |what: &str| Failure::new(Exit::Io, format!("the image lacks its {what}"));
        let manifest = source.manifest(None)?.ok_or_else(|| lost("manifest"))?;
        let parsed: Manifest = serde_json::from_slice(&manifest)
            .map_err(|error| Failure::new(Exit::Problems, format!("the manifest cannot be read: {error}")))?;
        let mut blobs = Vec::new();
        for descriptor in std::iter::once(&parsed.config).chain(&parsed.layers) {
            let blob = source.blob(&descriptor.digest, archive::LARGEST)?;
            let blob = blob.filter(|blob| Digest::of(blob) == descriptor.digest);
            blobs.push(blob.ok_or_else(|| lost(&format!("blob {}", descriptor.digest)))?);
        }
        Ok(Image { manifest, blobs })
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

/// So that an image is judged before it is written.
impl Source for Image {
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure> {
        Ok(digest.is_none_or(|digest| *digest == self.digest()).then(|| self.manifest.clone()))
    }

    fn blob(&self, digest: &Digest, _: u64) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.blobs.iter().find(|blob| Digest::of(blob) == *digest).cloned())
    }
}

#[derive(Serialize)]
struct Config {
    architecture: &'static str,
    os: &'static str,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: [Digest; 1],
}
