//! `sallyport man`: manual pages.

use std::fs;
use std::path::PathBuf;

use clap_mangen::Man;

use crate::console::Console;
use crate::exit::{Exit, Failure, IoErrorText};
use crate::printable::printable;

/// Print the manual page, or write one page per command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport man | man -l -
  sallyport man ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The directory to write all pages to; it is created if missing
    directory: Option<PathBuf>,
}

/// `program`: the whole tree of arguments.
pub(crate) fn run(args: &Args, program: clap::Command, console: &Console) -> Result<Exit, Failure> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        Man::new(program)
            .render(&mut page)
            .map_err(|error| Failure::new(Exit::Io, format!("cannot render the page: {}", IoErrorText(&error))))?;
        console.write(None, &page)?;
        return Ok(Exit::Ok);
    };
    fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(program, directory))
        .map_err(|error| Failure::write(directory, &error))?;
    console.note(&format!("wrote the manual pages to `{}`", printable(directory)));
    Ok(Exit::Ok)
}
