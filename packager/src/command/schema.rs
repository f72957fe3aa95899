//! `sallyport schema`: the JSON Schema of the files.

use std::path::PathBuf;

use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Print the JSON Schema (draft-07) of Egress and Mesh files
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport schema --output sallyport.schema.json

The YAML language server uses the schema for a file that begins with
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

/// The schema as text: indented, with a final newline.
pub(crate) fn schema_text() -> String {
    format!("{:#}\n", sallyport_egress::json_schema())
}
