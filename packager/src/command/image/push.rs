//! `sallyport image push`: sends the image to a registry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sallyport_manifest::Lock;

use super::common::{Source, own_filter, report_problems};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::oci::Content;
use crate::oci::image::Image;
use crate::oci::layout::Layout;
use crate::oci::reference::Reference;
use crate::oci::registry::{Access, Pushed, Registry};
use crate::oci::verify::{Expected, verify};
use crate::rollout::{Disk, FilterLock};

/// Push the image to a registry, and print its name with the digest
///
/// Credentials are read from Docker's configuration, $DOCKER_CONFIG/config.json or ~/.docker/config.json, and its credential
/// helpers. Blobs that the registry already has are not sent again. The image is verified first, as `image verify` does it;
/// nothing is pushed if Istio, Envoy or a container runtime would reject it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image push ghcr.io/acme/sallyport-filter:1.0.0 --lock sallyport.lock
  sallyport image push ghcr.io/acme/sallyport-filter:1.1.0 --lock sallyport.lock --next
  sallyport image push registry.internal/mesh/filter:1 --layout filter.tar
  sallyport image push localhost:5000/filter:dev --wasm sallyport_filter.wasm
  sallyport image push registry.internal/mesh/sallyport:1 --of command --layout sallyport.tar")]
pub(crate) struct Args {
    /// Where to push to: REGISTRY/REPOSITORY:TAG; the tag defaults to `latest`
    #[arg(value_name = "REF")]
    reference: Reference,
    #[command(flatten)]
    source: Source,
    /// Push the image in this OCI image layout instead
    #[arg(long, value_name = "DIR|FILE.tar", conflicts_with = "built")]
    layout: Option<PathBuf>,
    /// Use HTTP without TLS, which is the default for a registry on this machine
    #[arg(long)]
    plain_http: bool,
    /// Write the image and its digest to this file, usually sallyport.lock, for `sallyport build`
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// With --lock: write it as the filter that `promote --filter` gives to one gateway after the other, not to all at once
    #[arg(long, requires = "lock")]
    next: bool,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    args.source.check()?;
    if args.source.of == Content::Command && args.lock.is_some() {
        return Err(Failure::new(Exit::Usage, "`--lock` pins the filter, and the image is of the command"));
    }
    let image = match &args.layout {
        Some(path) => Image::copy(&Layout::open(path)?)?,
        None => args.source.build(&BTreeMap::new())?,
    };
    let own = own_filter();
    let expected = Expected { content: args.source.of, digest: args.reference.digest(), filter: own.as_deref() };
    let verification = verify(&image, args.reference.to_string(), expected)?;
    if let Err(exit) = report_problems(&verification, console) {
        return Ok(exit);
    }
    let digest = image.digest();
    let name = args.reference.image();
    // A filter of another version is known by its own `sallyport`.
    let candidates = verification.is_own_filter;
    let filter = || Lock { image: name.clone(), digest: digest.to_string(), candidates };
    let lock = args.lock.as_ref().map(|path| FilterLock::prepare(path, filter(), args.next)).transpose()?;
    let registry = Registry::new(&args.reference, Access::Push, args.plain_http)?;
    match registry.push(&image)? {
        Pushed::AlreadyThere => console.note(&format!("{} is already in the registry", args.reference)),
        Pushed::Sent(blobs) => console.note(&format!("pushed {} (new blobs: {blobs})", args.reference)),
    }
    if let Some(lock) = lock {
        lock.write(&mut Disk)?;
        lock.note.iter().for_each(|note| console.note(note));
    }
    console.write(None, format!("{name}@{digest}\n").as_bytes())?;
    Ok(Exit::Ok)
}
