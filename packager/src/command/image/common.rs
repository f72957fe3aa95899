//! What the commands of `sallyport image` share.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::local::module;
use crate::oci::Content;
use crate::oci::image::Image;
use crate::oci::problem::ImageProblem;
use crate::oci::verify::Verification;
use crate::reading;

/// What an image is built from.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// What the image holds
    #[arg(long, value_name = "CONTENT", value_enum, default_value_t)]
    pub(super) of: Content,
    /// The filter module [default: the one in this program]
    #[arg(long, value_name = "FILE", group = "built")]
    wasm: Option<PathBuf>,
    /// The static program of the command's image [default: this program]
    #[arg(long, value_name = "FILE", group = "built")]
    program: Option<PathBuf>,
}

impl Source {
    pub(super) fn build(&self, annotations: &BTreeMap<String, String>) -> Result<Image, Failure> {
        let image = match self.of {
            Content::Filter => Image::build(&load(self.wasm.as_deref())?, annotations),
            Content::Command => Image::of_command(&program(self.program.as_deref())?, annotations),
        };
        image.map_err(|error| cannot_build(&error))
    }

    /// Refuses the option that is for the other content.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let (option, of) = match self.of {
            Content::Filter => (self.program.as_ref().map(|_| "--program"), "command"),
            Content::Command => (self.wasm.as_ref().map(|_| "--wasm"), "filter"),
        };
        match option {
            Some(option) => Err(Failure::new(Exit::Usage, format!("`{option}` needs `--of {of}`"))),
            None => Ok(()),
        }
    }
}

/// The module that `--wasm` names, else the one that `sallyport run` would load.
fn load(given: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    module::load(given).map_err(|failure| Failure { exit: Exit::Io, ..failure })
}

/// The program that `--program` names, else this one.
fn program(given: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let path = match given {
        Some(path) => Cow::Borrowed(path),
        None => Cow::Owned(env::current_exe().map_err(|error| {
            Failure::new(Exit::Io, format!("this program cannot be found: {error}"))
                .with_help("name it with `--program`")
        })?),
    };
    reading::whole(&path).map_err(|error| Failure::read(&path, &error))
}

/// The filter that this program contains, whose policy version is known; `None` if it was built without one.
pub(super) fn own_filter() -> Option<Cow<'static, [u8]>> {
    module::load(None).ok()
}

pub(super) fn cannot_build(error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot build the image: {error}"))
}

/// Prints the problems of an image that is about to be written; an error ends the command.
pub(super) fn report_problems(verification: &Verification, console: &Console) -> Result<(), Exit> {
    let is_good = verification.is_good();
    for problem in &verification.problems {
        // Without them a failure would have no reason.
        if is_good { console.note(&line(problem)) } else { console.problem(&line(problem)) }
    }
    if is_good { Ok(()) } else { Err(Exit::Problems) }
}

/// A problem in one line.
pub(super) fn line(problem: &ImageProblem) -> String {
    format!("{}[{}]: {}", problem.severity.as_str(), problem.code, problem.message)
}
