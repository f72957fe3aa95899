//! What the commands of `sallyport image` share.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::local::module;
use crate::oci::problem::ImageProblem;
use crate::oci::verify::Verification;

/// The module that `--wasm` names, else the one that `sallyport run` would load.
pub(super) fn load(given: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    module::load(given).map_err(|failure| Failure { exit: Exit::Io, ..failure })
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
