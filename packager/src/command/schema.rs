//! `sallyport schema`: the JSON Schema of the files, for editors.

use std::path::PathBuf;

use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Print the JSON Schema (draft-07) of Egress and Mesh files
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport schema --output sallyport.schema.json

An editor with the YAML language server reads it when a file begins with
  # yaml-language-server: $schema=sallyport.schema.json")]
pub(crate) struct Args {
    /// Write to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    console.write(args.output.as_deref(), schema_text().as_bytes())?;
    Ok(Exit::Ok)
}

/// The schema as it is written: indented, with a newline at its end.
pub(crate) fn schema_text() -> String {
    format!("{:#}\n", sallyport_egress::json_schema())
}
