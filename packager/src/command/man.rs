//! `sallyport man`: the manual pages.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::console::Console;
use crate::exit::{Exit, Failure, Reason};
use crate::printable::printable;

/// Print the manual page, or write one page a command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport man | man -l -
  sallyport man ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Where to write all pages; made if missing
    directory: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        Man::new(Cli::command())
            .render(&mut page)
            .map_err(|error| Failure::new(Exit::Io, format!("cannot render the page: {}", Reason(&error))))?;
        console.write(None, &page)?;
        return Ok(Exit::Ok);
    };
    fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|error| Failure::write(directory, &error))?;
    console.note(&format!("wrote the manual pages to `{}`", printable(directory)));
    Ok(Exit::Ok)
}
