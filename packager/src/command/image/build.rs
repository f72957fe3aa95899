//! `sallyport image build`: the image in a directory or an archive, without a network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{cannot_make, judge, load, own_filter};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::oci::image::Image;
use crate::oci::layout;
use crate::oci::reference::Reference;
use crate::oci::verify::{Expected, verify};

/// Make the image, and print its digest
///
/// Nothing but the module and the annotations goes into it: no time, no host. Without --output nothing is written. The
/// image is judged first as `image verify` would.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image build
  sallyport image build --output filter.tar --image ghcr.io/acme/sallyport-filter:1.0.0
  sallyport image build --wasm sallyport_filter.wasm --output layout/")]
pub(crate) struct Args {
    /// The filter module; else the one that this program holds
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
    /// Where to write an OCI image layout: an archive if the name ends in .tar, else a directory
    #[arg(long, short, value_name = "DIR|FILE.tar")]
    output: Option<PathBuf>,
    /// The name that the layout gives the image
    #[arg(long, value_name = "REF", requires = "output")]
    image: Option<Reference>,
    /// An annotation of the manifest, part of what the digest is of; can be given again
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let module = load(args.wasm.as_deref())?;
    let annotations: BTreeMap<_, _> = args.annotations.iter().cloned().collect();
    let image = Image::build(&module, &annotations).map_err(|error| cannot_make(&error))?;
    let own = own_filter();
    let verdict = verify(&image, "the image".to_owned(), Expected { digest: None, filter: own.as_deref() })?;
    if let Err(exit) = judge(&verdict, console) {
        return Ok(exit);
    }
    if let Some(output) = &args.output {
        layout::write(&image, args.image.as_ref(), output)?;
    }
    console.write(None, format!("{}\n", image.digest()).as_bytes())?;
    Ok(Exit::Ok)
}

fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as org.opencontainers.image.version=1.0.0".to_owned()),
    }
}
