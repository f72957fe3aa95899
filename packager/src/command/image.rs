//! `sallyport image`: the filter as an OCI image.

mod build;
mod common;
mod push;
mod verify;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Build, push and verify the filter's image
///
/// The image has the one format that Istio's agent, container runtimes and image volumes all accept, and the same digest on
/// every machine. The manifests of `sallyport build` pin it by that digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image build --output filter.tar
  sallyport image push ghcr.io/acme/sallyport-filter:1.0.0 --lock sallyport.lock
  sallyport image verify ghcr.io/acme/sallyport-filter:1.0.0")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: ImageCommand,
}

#[derive(Debug, Subcommand)]
enum ImageCommand {
    Build(build::Args),
    Push(push::Args),
    Verify(verify::Args),
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        ImageCommand::Build(args) => build::run(args, console),
        ImageCommand::Push(args) => push::run(args, console),
        ImageCommand::Verify(args) => verify::run(args, console),
    }
}
