//! `sallyport image`: the filter, or the command, as an OCI image.

mod build;
mod common;
mod push;
mod verify;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Build, push and verify the filter's image, or the command's
///
/// The filter's image has the one format that Istio's agent, container runtimes and image volumes all accept. The manifests
/// of `sallyport build` pin it by its digest. With `--of command` the image holds this command instead, for the jobs of a
/// pipeline. The same content has the same digest on every machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image build --output filter.tar
  sallyport image push ghcr.io/acme/sallyport-filter:1.0.0 --lock sallyport.lock
  sallyport image verify ghcr.io/acme/sallyport-filter:1.0.0
  sallyport image build --of command --output sallyport.tar")]
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
