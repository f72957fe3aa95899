//! Which images Istio's agent accepts. It is the agent's algorithm (`pkg/wasm/imagefetcher.go`), with its error messages.

use super::archive::{LARGEST, NoModule, find_module};
use super::manifest::{DOCKER_LAYER, DOCKER_MANIFEST, Descriptor, Manifest, OCI_LAYER, WASM_LAYER};
use super::problem::ImageProblem;
use crate::exit::Failure;
use sallyport_egress::Code;

/// Why an image yields no module.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The image is invalid.
    Rejected(ImageProblem),
    /// The image cannot be read.
    Failed(Failure),
}

impl From<ImageProblem> for Stop {
    fn from(problem: ImageProblem) -> Self {
        Stop::Rejected(problem)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// The first bytes of every module.
const MAGIC: &[u8] = b"\0asm";
const SHORTEST: usize = 8;

/// Returns the content of a layer.
pub(crate) type Fetch<'a> = &'a dyn Fn(&Descriptor) -> Result<Vec<u8>, Stop>;

/// The module that Istio's agent extracts from an image, or why it rejects the image.
///
/// A Docker manifest must have one format. Any other manifest is tried as the format "compat" and then as the format "oci";
/// if both fail, Istio's message has both reasons, and so has the problem. The config is ignored.
pub(crate) fn module(manifest: &Manifest, fetch: Fetch<'_>) -> Result<Vec<u8>, Stop> {
    let module = if manifest.media_type.as_deref() == Some(DOCKER_MANIFEST) {
        archived(manifest, DOCKER_LAYER, fetch)
            .map_err(|stop| prefixed(stop, "could not extract Wasm file from the image as Docker container "))?
    } else {
        match archived(manifest, OCI_LAYER, fetch) {
            Ok(module) => module,
            Err(Stop::Failed(failure)) => return Err(failure.into()),
            Err(Stop::Rejected(compat)) => match raw(manifest, fetch) {
                Ok(module) => module,
                Err(Stop::Failed(failure)) => return Err(failure.into()),
                Err(Stop::Rejected(oci)) => return Err(neither(compat, oci).into()),
            },
        }
    };
    if module.starts_with(MAGIC) && module.len() >= SHORTEST {
        Ok(module)
    } else {
        Err(ImageProblem::new(Code::NotWasm, "fetched Wasm binary from URL is invalid").into())
    }
}

/// The module in the archive that is the last layer.
fn archived(manifest: &Manifest, expected: &str, fetch: Fetch<'_>) -> Result<Vec<u8>, Stop> {
    let layer = manifest
        .layers
        .last()
        .ok_or_else(|| ImageProblem::new(Code::ImageLayers, "number of layers must be greater than zero"))?;
    if layer.media_type != expected {
        let found = layer.media_type.escape_debug();
        return Err(
            ImageProblem::new(Code::ImageLayers, format!("invalid media type {found} (expect {expected})")).into()
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

/// The module that is itself a layer, uncompressed.
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

/// Both problems in one. The code is that of the format that was probably intended: the one whose layers have the right
/// types.
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
        Stop::Rejected(problem) => ImageProblem { message: format!("{prefix}{}", problem.message), ..problem }.into(),
        failed => failed,
    }
}

fn too_large() -> String {
    format!("wasm binary is larger than {} MiB", LARGEST >> 20)
}
