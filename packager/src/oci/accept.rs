//! Which images Istio's agent takes: its own algorithm (`pkg/wasm/imagefetcher.go`), in its own words.

use super::archive::{LARGEST, NoModule, find_module};
use super::manifest::{DOCKER_LAYER, DOCKER_MANIFEST, Descriptor, Manifest, OCI_LAYER, WASM_LAYER};
use super::problem::ImageProblem;
use crate::exit::Failure;
use sallyport_egress::Code;

/// Why no module comes out of an image.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The image is wrong.
    Refused(ImageProblem),
    /// Nobody can tell.
    Failed(Failure),
}

impl From<ImageProblem> for Stop {
    fn from(finding: ImageProblem) -> Self {
        Stop::Refused(finding)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// How every module begins.
const MAGIC: &[u8] = b"\0asm";
const SHORTEST: usize = 8;

/// Gives the content of a layer.
pub(crate) type Fetch<'a> = &'a dyn Fn(&Descriptor) -> Result<Vec<u8>, Stop>;

/// The module that Istio's agent takes out of an image, or why it takes none.
///
/// A Docker manifest has one chance. Another is tried as the shape "compat" and, whatever was wrong with that, as the
/// shape "oci"; where both fail Istio says both, and so does the finding. The config is never looked at.
pub(crate) fn module(manifest: &Manifest, fetch: Fetch<'_>) -> Result<Vec<u8>, Stop> {
    let module = if manifest.media_type.as_deref() == Some(DOCKER_MANIFEST) {
        archived(manifest, DOCKER_LAYER, fetch)
            .map_err(|stop| prefixed(stop, "could not extract Wasm file from the image as Docker container "))?
    } else {
        match archived(manifest, OCI_LAYER, fetch) {
            Ok(module) => module,
            Err(Stop::Failed(failure)) => return Err(failure.into()),
            Err(Stop::Refused(compat)) => match raw(manifest, fetch) {
                Ok(module) => module,
                Err(Stop::Failed(failure)) => return Err(failure.into()),
                Err(Stop::Refused(oci)) => return Err(neither(compat, oci).into()),
            },
        }
    };
    match module.starts_with(MAGIC) && module.len() >= SHORTEST {
        true => Ok(module),
        false => Err(ImageProblem::new(Code::NotWasm, "fetched Wasm binary from URL is invalid").into()),
    }
}

/// The module in the archive of the last layer.
fn archived(manifest: &Manifest, wanted: &str, fetch: Fetch<'_>) -> Result<Vec<u8>, Stop> {
    let layer = manifest
        .layers
        .last()
        .ok_or_else(|| ImageProblem::new(Code::ImageLayers, "number of layers must be greater than zero"))?;
    if layer.media_type != wanted {
        let found = layer.media_type.escape_debug();
        return Err(
            ImageProblem::new(Code::ImageLayers, format!("invalid media type {found} (expect {wanted})")).into()
        );
    }
    let content = fetch(layer)?;
    find_module(&content).map_err(|reason| {
        let (code, words) = match reason {
            NoModule::NotGzip(error) => (Code::ImageArchive, format!("failed to parse layer as tar.gz: {error}")),
            NoModule::Unreadable(error) => (Code::ImageArchive, error.to_string()),
            NoModule::NotFound => (Code::ImageWithoutModule, "plugin.wasm not found in the archive".to_owned()),
            NoModule::TooLarge => (Code::ModuleTooLarge, too_large()),
        };
        ImageProblem::new(code, format!("could not extract wasm binary: {words}")).into()
    })
}

/// The module that is a layer, uncompressed.
fn raw(manifest: &Manifest, fetch: Fetch<'_>) -> Result<Vec<u8>, Stop> {
    let count = manifest.layers.len();
    if count != 2 {
        return Err(ImageProblem::new(Code::ImageLayers, format!("number of layers must be 2 but got {count}")).into());
    }
    let layer = manifest.layers.iter().find(|layer| layer.media_type == WASM_LAYER);
    let layer = layer.ok_or_else(|| {
        ImageProblem::new(Code::ImageLayers, format!("could not find the layer of type {WASM_LAYER}"))
    })?;
    if layer.size > LARGEST {
        return Err(ImageProblem::new(Code::ModuleTooLarge, too_large()).into());
    }
    fetch(layer)
}

/// Both refusals in one. The code is that of the shape that was meant: the one that came further than its layers.
fn neither(compat: ImageProblem, oci: ImageProblem) -> ImageProblem {
    let code = if compat.code == Code::ImageLayers { oci.code } else { compat.code };
    let message = format!(
        "the given image is in invalid format as an OCI image: could not parse as compat variant: {}; \
         could not parse as oci variant: {}",
        compat.message, oci.message
    );
    ImageProblem::new(code, message)
}

fn prefixed(stop: Stop, prefix: &str) -> Stop {
    match stop {
        Stop::Refused(finding) => ImageProblem { message: format!("{prefix}{}", finding.message), ..finding }.into(),
        failed => failed,
    }
}

fn too_large() -> String {
    format!("wasm binary is larger than {} MiB", LARGEST >> 20)
}
