//! Verifying an image in a registry or a layout, as those who use it would: Istio's agent and Envoy, or a container runtime.

use serde::Serialize;

use super::accept::{self, Stop};
use super::archive::LARGEST;
use super::digest::{Digest, digest_of};
use super::manifest::{Descriptor, Document, Index, Manifest};
use super::problem::ImageProblem;
use super::{Content, ImageSource, module, program};
use crate::exit::Failure;
use sallyport_egress::Code;
use sallyport_egress::diagnostic::Severity;

/// The platform for which Istio's agent chooses an image from an index.
const PLATFORM: (&str, &str) = ("linux", "amd64");

/// The result of verifying one image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verification {
    /// As the user named it.
    pub(crate) image: String,
    /// The digest of what has that name: a manifest or an index.
    pub(crate) digest: Option<Digest>,
    /// The size of the module in bytes, uncompressed.
    pub(crate) module_size: Option<usize>,
    /// Whether the module is the filter in this program.
    #[serde(skip)]
    pub(crate) is_own_filter: bool,
    /// The size of the command's program in bytes, uncompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) program_size: Option<usize>,
    /// The name in the JSON report is part of its format.
    #[serde(rename = "findings")]
    pub(crate) problems: Vec<ImageProblem>,
}

impl Verification {
    pub(crate) fn is_good(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity != Severity::Error)
    }
}

/// What is known about the image beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) content: Content,
    /// The digest that the image must have.
    pub(crate) digest: Option<&'a Digest>,
    /// The filter in this program.
    pub(crate) filter: Option<&'a [u8]>,
}

/// Verifies one image, and continues as far as its user could.
pub(crate) fn verify(source: &dyn ImageSource, image: String, expected: Expected<'_>) -> Result<Verification, Failure> {
    let mut verification = Verification {
        image,
        digest: None,
        module_size: None,
        is_own_filter: false,
        program_size: None,
        problems: Vec::new(),
    };
    match examine(source, expected, &mut verification) {
        Ok(()) => {}
        Err(Stop::Rejected(problem)) => verification.problems.push(problem),
        Err(Stop::Failed(failure)) => return Err(failure),
    }
    Ok(verification)
}

fn examine(source: &dyn ImageSource, expected: Expected<'_>, verification: &mut Verification) -> Result<(), Stop> {
    let bytes = source.manifest(None)?.ok_or_else(|| {
        ImageProblem::new(
            Code::ImageMissing,
            format!("could not fetch manifest: there is no image `{}`", verification.image),
        )
    })?;
    let digest = digest_of(&bytes);
    verification.digest = Some(digest.clone());
    let manifest = match parse(&bytes)? {
        Document::Manifest(manifest) => {
            compare(&digest, expected, verification);
            manifest
        }
        // A container runtime takes an index as the image, and pins are of the index.
        Document::Index(index) if expected.content == Content::Command => {
            compare(&digest, expected, verification);
            child(source, &index)?.1
        }
        Document::Index(index) => {
            let pinned = match expected.digest {
                Some(expected) if *expected == digest => "; a pinned digest of an index can never match",
                _ => "",
            };
            let message = format!("an index where a single manifest is needed{pinned}");
            verification.problems.push(ImageProblem::new(Code::ImageIndex, message));
            let (digest, manifest) = child(source, &index)?;
            compare(&digest, expected, verification);
            manifest
        }
    };
    if expected.content == Content::Command {
        let (size, problems) = program::inspect(&manifest, &|layer| blob(source, layer))?;
        verification.program_size = Some(size);
        verification.problems.extend(problems);
        return Ok(());
    }
    let module = accept::module(&manifest, &|layer| blob(source, layer))?;
    verification.module_size = Some(module.len());
    verification.is_own_filter = expected.filter == Some(module.as_slice());
    verification.problems.extend(module::inspect(&module, expected.filter));
    Ok(())
}

/// The comparison that Istio's agent makes, with its error message for the filter.
fn compare(found: &Digest, expected: Expected<'_>, verification: &mut Verification) {
    if let Some(digest) = expected.digest.filter(|digest| *digest != found) {
        let message = match expected.content {
            Content::Filter => {
                let (found, digest) = (found.hex(), digest.hex());
                format!("module downloaded from URL has checksum {found}, which does not match: {digest}")
            }
            Content::Command => format!("the image has the digest {found}, not {digest}"),
        };
        verification.problems.push(ImageProblem::new(Code::ImageDigest, message));
    }
}

fn parse(bytes: &[u8]) -> Result<Document, ImageProblem> {
    Document::parse(bytes)
        .map_err(|error| ImageProblem::new(Code::ImageManifest, format!("could not retrieve manifest: {error}")))
}

/// The image that Istio's agent chooses from an index.
fn child(source: &dyn ImageSource, index: &Index) -> Result<(Digest, Manifest), Stop> {
    let (os, architecture) = PLATFORM;
    let of_platform = |descriptor: &&Descriptor| match &descriptor.platform {
        Some(platform) => platform.os == os && platform.architecture == architecture,
        None => true,
    };
    let lost = |why: &str| ImageProblem::new(Code::ImageMissing, format!("could not fetch image: {why}"));
    let chosen = index.manifests.iter().find(of_platform);
    let digest = &chosen.ok_or_else(|| lost(&format!("no child with platform {os}/{architecture}")))?.digest;
    let bytes = source.manifest(Some(digest))?.ok_or_else(|| lost(&format!("there is no {digest}")))?;
    match parse(&bytes)? {
        Document::Manifest(manifest) => Ok((digest_of(&bytes), manifest)),
        Document::Index(_) => Err(lost("an index in an index").into()),
    }
}

/// A blob, if it has the size and digest in the manifest.
fn blob(source: &dyn ImageSource, descriptor: &Descriptor) -> Result<Vec<u8>, Stop> {
    let Descriptor { digest, size, .. } = descriptor;
    if *size > LARGEST {
        let message = format!("the blob {digest} has {size} bytes, more than {} MiB", LARGEST >> 20);
        return Err(ImageProblem::new(Code::ModuleTooLarge, message).into());
    }
    let wrong = |why: String| ImageProblem::new(Code::ImageBlob, format!("could not get layer content: {why}"));
    let content = source.blob(digest, *size)?.ok_or_else(|| wrong(format!("there is no blob {digest}")))?;
    if content.len() as u64 != *size || digest_of(&content) != *digest {
        return Err(wrong(format!("error verifying sha256 checksum of the blob {digest}")).into());
    }
    Ok(content)
}
