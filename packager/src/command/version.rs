//! `sallyport version`: the versions of the program and of its formats.

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
  sallyport version --json | jq -r .version")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let text = if args.json {
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
    console.write(None, text.as_bytes())?;
    Ok(Exit::Ok)
}
