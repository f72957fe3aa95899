//! `sallyport image push`: the image to a registry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sallyport_manifest::Lock;

use super::{cannot_make, judge, load, own_filter};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::oci::image::Image;
use crate::oci::layout::Layout;
use crate::oci::reference::Reference;
use crate::oci::registry::{Access, Pushed, Registry};
use crate::oci::verify::{Expected, verify};

/// Push the image to a registry, and print its name with its digest
///
/// Credentials are docker's: $DOCKER_CONFIG or ~/.docker/config.json, with the programs that it names. What the registry
/// has already is not sent again. The image is judged first as `image verify` would; one that Istio would refuse is not
/// pushed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image push ghcr.io/acme/sallyport-filter:1.0.0 --lock sallyport.lock
  sallyport image push registry.internal/mesh/filter:1 --layout filter.tar
  sallyport image push localhost:5000/filter:dev --wasm sallyport_filter.wasm")]
pub(crate) struct Args {
    /// Where to: REGISTRY/REPOSITORY:TAG; without a tag it is `latest`
    #[arg(value_name = "REF")]
    reference: Reference,
    /// The filter module; else the one that this program holds
    #[arg(long, value_name = "FILE", conflicts_with = "layout")]
    wasm: Option<PathBuf>,
    /// Push the image of this OCI image layout instead
    #[arg(long, value_name = "DIR|FILE.tar")]
    layout: Option<PathBuf>,
    /// Speak HTTP without TLS; to this machine itself that is the default
    #[arg(long)]
    plain_http: bool,
    /// Write the repository and the digest to this file, by custom sallyport.lock
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let image = match &args.layout {
        Some(path) => Image::copy(&Layout::open(path)?)?,
        None => {
            let module = load(args.wasm.as_deref())?;
            Image::build(&module, &BTreeMap::new()).map_err(|error| cannot_make(&error))?
        }
    };
    let own = own_filter();
    let expected = Expected { digest: args.reference.digest(), filter: own.as_deref() };
    let verdict = verify(&image, args.reference.to_string(), expected)?;
    if let Err(exit) = judge(&verdict, console) {
        return Ok(exit);
    }
    let digest = image.digest();
    let registry = Registry::new(&args.reference, Access::Push, args.plain_http)?;
    match registry.push(&image)? {
        Pushed::AlreadyThere => console.note(&format!("{} is there already", args.reference)),
        Pushed::Sent(blobs) => console.note(&format!("pushed {} (new blobs: {blobs})", args.reference)),
    }
    let name = args.reference.image();
    if let Some(path) = &args.lock {
        let lock = Lock { image: name.clone(), digest: digest.to_string() };
        let text = lock.render().map_err(|error| cannot_make(&error.into()))?;
        console.write(Some(path), text.as_bytes())?;
    }
    console.write(None, format!("{name}@{digest}\n").as_bytes())?;
    Ok(Exit::Ok)
}
