//! `sallyport image`: the filter as an OCI image.

mod build;
mod push;
mod verify;

use std::borrow::Cow;
use std::io;
use std::path::Path;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::local::module;
use crate::oci::problem::ImageProblem;
use crate::oci::verify::Verdict;

/// Build, push and verify the image of the filter
///
/// The image has the one shape that Istio's agent, container runtimes and image volumes all take, and the same digest on
/// every host. Manifests pin it by that digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image build --output filter.tar
  sallyport image push ghcr.io/acme/sallyport-filter:1.0.0 --lock sallyport.lock
  sallyport image verify ghcr.io/acme/sallyport-filter:1.0.0")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Build(build::Args),
    Push(push::Args),
    Verify(verify::Args),
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Build(args) => build::run(args, console),
        Verb::Push(args) => push::run(args, console),
        Verb::Verify(args) => verify::run(args, console),
    }
}

/// The module that `--wasm` names, else the one that `sallyport run` would take.
fn load(given: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    module::load(given).map_err(|failure| Failure { exit: Exit::Io, ..failure })
}

/// The filter whose policy version is that of this program. Where there is none, no module is known.
fn own_filter() -> Option<Cow<'static, [u8]>> {
    module::load(None).ok()
}

fn cannot_make(error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot make the image: {error}"))
}

/// Says on stderr what is wrong with an image that is about to be written; errors end the command.
fn judge(verdict: &Verdict, console: &Console) -> Result<(), Exit> {
    for finding in &verdict.findings {
        console.note(&line(finding));
    }
    if verdict.is_good() { Ok(()) } else { Err(Exit::Problems) }
}

/// A problem in one line.
fn line(problem: &ImageProblem) -> String {
    format!("{}[{}]: {}", problem.severity.as_str(), problem.code, problem.message)
}
