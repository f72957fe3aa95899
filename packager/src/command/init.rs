//! `sallyport init`: a first Egress file, and the schema beside it.
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Write a first Egress file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, _console: &Console) -> Result<Exit, Failure> {
    Ok(Exit::Ok)
}
