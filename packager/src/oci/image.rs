//! An image built from a module, or from the command's program.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::archive::{PLUGIN, READ, RUN, gzip, tar};
use super::digest::{Digest, digest_of};
use super::executable::{OS, PROGRAM, architecture};
use super::manifest::{Descriptor, Manifest, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST};
use super::{ImageSource, archive};
use crate::exit::{Exit, Failure};

/// The annotation that declares the format to tools for wasm images.
const VARIANT: (&str, &str) = ("module.wasm.image/variant", "compat");

/// A manifest and the blobs that it refers to.
///
/// # Design
/// The format is the one that Istio calls "compat": a single layer of tar in gzip, and a real image config, so that not only
/// Istio's agent but every container runtime accepts it, which image volumes need. It has no timestamp, no index and no
/// attestation: an index could never match a pinned digest. The platform is the one that Istio's agent asks for.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

impl Image {
    /// The same module and annotations give the same bytes on every machine.
    pub(crate) fn build(module: &[u8], annotations: &BTreeMap<String, String>) -> io::Result<Image> {
        let archive = tar(&[(PLUGIN, module)], READ)?;
        let mut annotations = annotations.clone();
        annotations.insert(VARIANT.0.to_owned(), VARIANT.1.to_owned());
        Image::assemble(&archive, "amd64", None, annotations)
    }

    /// The digest of the image that `image push` makes of a module; `None`: it cannot be made.
    pub(crate) fn digest_with(module: &[u8]) -> Option<Digest> {
        Image::build(module, &BTreeMap::new()).ok().map(|image| image.digest())
    }

    /// The image of the command: this program, and nothing else. What is not a program is reported by verification.
    pub(crate) fn of_command(program: &[u8], annotations: &BTreeMap<String, String>) -> io::Result<Image> {
        let archive = tar(&[(PROGRAM, program)], RUN)?;
        Image::assemble(
            &archive,
            architecture(program).unwrap_or("unknown"),
            Some(RunConfig::of_command()),
            annotations.clone(),
        )
    }

    fn assemble(
        archive: &[u8],
        architecture: &str,
        run: Option<RunConfig>,
        annotations: BTreeMap<String, String>,
    ) -> io::Result<Image> {
        let layer = gzip(archive)?;
        let config = serde_json::to_vec(&Config {
            architecture: architecture.to_owned(),
            os: OS.to_owned(),
            config: run,
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: vec![digest_of(archive)] },
        })?;
        let manifest = serde_json::to_vec(&Manifest {
            schema_version: 2,
            media_type: Some(OCI_MANIFEST.to_owned()),
            config: Descriptor::of(OCI_CONFIG, &config),
            layers: vec![Descriptor::of(OCI_LAYER, &layer)],
            annotations,
        })?;
        Ok(Image { manifest, blobs: vec![config, layer] })
    }

    /// A copy of an image from another source.
    pub(crate) fn copy(source: &dyn ImageSource) -> Result<Image, Failure> {
        let lost = |what: &str| Failure::new(Exit::Io, format!("the image lacks its {what}"));
        let manifest = source.manifest(None)?.ok_or_else(|| lost("manifest"))?;
        let parsed: Manifest = serde_json::from_slice(&manifest)
            .map_err(|error| Failure::new(Exit::Problems, format!("the image's manifest cannot be parsed: {error}")))?;
        let mut blobs = Vec::new();
        for descriptor in std::iter::once(&parsed.config).chain(&parsed.layers) {
            let blob = source.blob(&descriptor.digest, archive::LARGEST)?;
            let blob = blob.filter(|blob| digest_of(blob) == descriptor.digest);
            blobs.push(blob.ok_or_else(|| lost(&format!("blob {}", descriptor.digest)))?);
        }
        Ok(Image { manifest, blobs })
    }

    pub(crate) fn digest(&self) -> Digest {
        digest_of(&self.manifest)
    }
}

/// An image can be verified before it is written.
impl ImageSource for Image {
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure> {
        Ok(digest.is_none_or(|digest| *digest == self.digest()).then(|| self.manifest.clone()))
    }

    fn blob(&self, digest: &Digest, _: u64) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.blobs.iter().find(|blob| digest_of(blob) == *digest).cloned())
    }
}

/// An image's config, as far as images of ours have it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Config {
    pub(crate) architecture: String,
    pub(crate) os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<RunConfig>,
    pub(crate) rootfs: RootFs,
}

/// How a container of the image is run.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct RunConfig {
    user: String,
    pub(crate) entrypoint: Vec<String>,
    working_dir: String,
}

impl RunConfig {
    /// Without privileges, and in the folder where the files are mounted.
    fn of_command() -> Self {
        RunConfig {
            user: "65532:65532".to_owned(),
            entrypoint: vec![format!("/{PROGRAM}")],
            working_dir: "/work".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct RootFs {
    #[serde(rename = "type")]
    kind: String,
    pub(crate) diff_ids: Vec<Digest>,
}
