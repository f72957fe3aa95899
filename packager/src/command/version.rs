//! `sallyport version`: the versions of the program and of its formats.

use std::path::PathBuf;

use clap::ValueEnum;
use sallyport_core::wire::WIRE_VERSION;
use sallyport_egress::model::API_VERSION;
use serde_json::json;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::report;

/// Print the version of the program, and of the formats that it reads and writes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport version
  sallyport version --format json | jq -r .version")]
pub(crate) struct Args {
    /// The format of the versions
    #[arg(long, short, value_enum, default_value_t)]
    format: VersionFormat,
    /// What `--format json` was called
    #[arg(long, hide = true)]
    json: bool,
    /// Write the versions to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum VersionFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object
    Json,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        return Err(Failure::new(Exit::Usage, "`version` has no `--json`").with_help("write `--format json`"));
    }
    let text = if args.format == VersionFormat::Json {
        let versions = json!({
            "version": version,
            "apiVersion": API_VERSION,
            "policyVersion": WIRE_VERSION,
            "reportVersion": report::json::VERSION,
        });
        format!("{versions:#}\n")
    } else {
        format!(
            "sallyport {version}\nfiles:   {API_VERSION}\npolicy:  {WIRE_VERSION}\nreport:  {}\n",
            report::json::VERSION
        )
    };
    console.write(args.output.as_deref(), text.as_bytes())?;
    Ok(Exit::Ok)
}
