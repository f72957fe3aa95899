//! `sallyport image build`: the image in a directory or an archive, without network access.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::common::{Source, own_filter, report_problems};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::oci::layout;
use crate::oci::reference::Reference;
use crate::oci::verify::{Expected, verify};

/// Build the image, and print its digest
///
/// The image depends only on its content and the annotations, not on the time or the machine. Without --output, only the
/// digest is printed. The image is verified first, as `image verify` does it; nothing is written if Istio, Envoy or a
/// container runtime would reject it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image build
  sallyport image build --output filter.tar --image ghcr.io/acme/sallyport-filter:1.0.0
  sallyport image build --wasm sallyport_filter.wasm --output layout/
  sallyport image build --of command --output sallyport.tar")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Where to write an OCI image layout: an archive if the name ends in .tar, otherwise a directory
    #[arg(long, short, value_name = "DIR|FILE.tar")]
    output: Option<PathBuf>,
    /// The name of the image in the layout
    #[arg(long, value_name = "REF", requires = "output")]
    image: Option<Reference>,
    /// An annotation of the image's manifest, which the digest covers; can be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    args.source.check()?;
    let annotations: BTreeMap<_, _> = args.annotations.iter().cloned().collect();
    let image = args.source.build(&annotations)?;
    let own = own_filter();
    let verification = verify(
        &image,
        "the image".to_owned(),
        Expected { content: args.source.of, digest: None, filter: own.as_deref() },
    )?;
    if let Err(exit) = report_problems(&verification, console) {
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
