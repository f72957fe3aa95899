//! The verdict on an image: what a registry or a layout holds, judged as Istio's agent and Envoy would.

use serde::Serialize;

use super::accept::{self, Stop};
use super::archive::LARGEST;
use super::digest::Digest;
use super::manifest::{Descriptor, Document, Index, Manifest};
use super::problem::ImageProblem;
use super::{Source, module};
use crate::exit::Failure;
use sallyport_egress::Code;
use sallyport_egress::diagnostic::Severity;

/// The platform that Istio's agent takes out of an index.
const PLATFORM: (&str, &str) = ("linux", "amd64");

/// All that there is to say of one image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    /// As the user named it.
    pub(crate) image: String,
    /// Of what is kept under that name.
    pub(crate) digest: Option<Digest>,
    /// Bytes of the module, uncompressed.
    pub(crate) module_size: Option<usize>,
    pub(crate) findings: Vec<ImageProblem>,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// What the user knows beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected<'a> {
    /// The digest that the image must have.
    pub(crate) digest: Option<&'a Digest>,
    /// The filter that this program holds.
    pub(crate) filter: Option<&'a [u8]>,
}

/// Judges one image, and goes on as far as Istio's agent could.
pub(crate) fn verify(source: &dyn Source, image: String, expected: Expected<'_>) -> Result<Verdict, Failure> {
    let mut verdict = Verdict { image, digest: None, module_size: None, findings: Vec::new() };
    match examine(source, expected, &mut verdict) {
        Ok(()) => {}
        Err(Stop::Refused(finding)) => verdict.findings.push(finding),
        Err(Stop::Failed(failure)) => return Err(failure),
    }
    Ok(verdict)
}

fn examine(source: &dyn Source, expected: Expected<'_>, verdict: &mut Verdict) -> Result<(), Stop> {
    let bytes = source.manifest(None)?.ok_or_else(|| {
        ImageProblem::new(
            Code::ImageMissing,
            format!("could not fetch manifest: there is no image `{}`", verdict.image),
        )
    })?;
    let digest = Digest::of(&bytes);
    verdict.digest = Some(digest.clone());
    let manifest = match parse(&bytes)? {
        Document::Manifest(manifest) => {
            compare(&digest, expected.digest, verdict);
            manifest
        }
        Document::Index(index) => {
            let pinned = match expected.digest {
                Some(expected) if *expected == digest => "; a pinned digest of an index can never match",
                _ => "",
            };
            let words = format!("an index of {} where one manifest is wanted{pinned}", index.manifests.len());
            verdict.findings.push(ImageProblem::new(Code::ImageIndex, words));
            let (digest, manifest) = child(source, &index)?;
            compare(&digest, expected.digest, verdict);
            manifest
        }
    };
    let module = accept::module(&manifest, &|layer| blob(source, layer))?;
    verdict.module_size = Some(module.len());
    verdict.findings.extend(module::inspect(&module, expected.filter));
    Ok(())
}

/// The comparison that Istio's agent makes, in its words.
fn compare(found: &Digest, expected: Option<&Digest>, verdict: &mut Verdict) {
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        let (found, expected) = (found.hex(), expected.hex());
        let words = format!("module downloaded from URL has checksum {found}, which does not match: {expected}");
        verdict.findings.push(ImageProblem::new(Code::ImageDigest, words));
    }
}

fn parse(bytes: &[u8]) -> Result<Document, ImageProblem> {
    Document::parse(bytes)
        .map_err(|error| ImageProblem::new(Code::ImageManifest, format!("could not retrieve manifest: {error}")))
}

/// The image of an index that Istio's agent takes.
fn child(source: &dyn Source, index: &Index) -> Result<(Digest, Manifest), Stop> {
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
        Document::Manifest(manifest) => Ok((Digest::of(&bytes), manifest)),
        Document::Index(_) => Err(lost("an index in an index").into()),
    }
}

/// A blob, if it is what the manifest says.
fn blob(source: &dyn Source, descriptor: &Descriptor) -> Result<Vec<u8>, Stop> {
    let Descriptor { digest, size, .. } = descriptor;
    if *size > LARGEST {
        let words = format!("the blob {digest} has {size} bytes, more than {} MiB", LARGEST >> 20);
        return Err(ImageProblem::new(Code::ModuleTooLarge, words).into());
    }
    let wrong = |why: String| ImageProblem::new(Code::ImageBlob, format!("could not get layer content: {why}"));
    let content = source.blob(digest, *size)?.ok_or_else(|| wrong(format!("there is no blob {digest}")))?;
    if content.len() as u64 != *size || Digest::of(&content) != *digest {
        return Err(wrong(format!("error verifying sha256 checksum of the blob {digest}")).into());
    }
    Ok(content)
}
