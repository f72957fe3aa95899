//! `sallyport check`: reads files and reports what is wrong with them.

use std::path::PathBuf;

use sallyport_manifest::Options;

use super::manual;
use crate::assemble::{Assembled, assemble};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::{self, Selection};
use crate::report::Format;

/// Check Egress and Mesh files, and lint Istio manifests
///
/// One run reports the problems of all files, each with a stable code, its place, and what to do. Files that are
/// given together are also checked against each other, and everything for which `build` would refuse them is reported.
/// Errors make the exit code 1; warnings do so with --deny-warnings.
///
/// Istio manifests are checked for common mistakes with egress gateways. Those that `sallyport build` wrote are skipped, unless
/// their output folder is named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport check egress.yaml
  sallyport check deploy/ --format sarif --output sallyport.sarif
  sallyport check deploy/ --deny-warnings
  kustomize build . | sallyport check -
  sallyport check --explain SP1302")]
// Below an error clap would show the files as required.
#[command(override_usage = "sallyport check [OPTIONS] [FILE|DIR]...")]
pub(crate) struct Args {
    /// Files, directories (all *.yaml and *.yml files below that are for Sallyport or Istio), or - for standard input
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The format of the report; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
    /// Write the report to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make the exit code 1 if there are warnings, too
    #[arg(long)]
    deny_warnings: bool,
    /// Explain one code, or list all codes; no files are checked
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "format", "output", "deny_warnings"])]
    explain: Option<Option<String>>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if let Some(code) = &args.explain {
        return manual::run(code.as_deref(), console);
    }
    let output = args.output.as_deref();
    if let Some(output) = output {
        input::refuse_to_overwrite(output, &args.paths)?;
    }
    let Assembled { mut report, .. } = assemble(&args.paths, Selection::WithManifests, Options::default());
    report.report_unused_silences();
    report.denies_warnings = args.deny_warnings;
    let text = report.render(args.format, console.coloured(output), console.quiet());
    console.write(output, text.as_bytes())?;
    Ok(report.exit())
}
