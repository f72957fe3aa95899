//! `sallyport check`: reads files and reports what is wrong with them.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sallyport_manifest::Options;

use super::manual;
use crate::assemble::{Assembled, assemble};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::{self, Selection};
use crate::local::watch::{Polled, snapshot};
use crate::lock;
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
  sallyport check deploy/ --watch
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
    /// Make the exit code 1 if there are warnings, too, other than that the filter was not pushed (SP9108)
    #[arg(long)]
    deny_warnings: bool,
    /// Check again whenever a file changes, until Ctrl-C; not with --output, and not with - for standard input
    #[arg(long, conflicts_with = "output")]
    watch: bool,
    /// Explain one code, or list all codes; no files are checked
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "format", "output", "deny_warnings", "watch"])]
    explain: Option<Option<String>>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if let Some(code) = &args.explain {
        return manual::run(code.as_deref(), console);
    }
    if args.watch {
        return watch(args, console);
    }
    once(args, console)
}

fn once(args: &Args, console: &Console) -> Result<Exit, Failure> {
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

/// The shortest pause between two looks at the files.
const PAUSE: Duration = Duration::from_millis(200);
/// How much longer the pause is than the look, so that many files do not keep a processor busy.
const REST: u32 = 10;

/// Checks until the process is ended.
fn watch(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if args.paths.iter().any(|path| path == Path::new("-")) {
        let failure = Failure::new(Exit::Usage, "standard input cannot be watched");
        return Err(failure.with_help("save the file, and name it"));
    }
    let relative: Vec<_> = args.paths.iter().map(|path| input::relative(path)).collect();
    let read = || snapshot(input::gather(&args.paths, Selection::WithManifests), &lock::places(&relative));
    let mut content = Polled::new(read(), Instant::now());
    loop {
        once(args, console)?;
        console.note("watching for changes; press Ctrl-C to stop");
        let mut pause = PAUSE;
        loop {
            thread::sleep(pause);
            let begun = Instant::now();
            let is_changed = content.changed(begun, read).is_some();
            pause = PAUSE.max(begun.elapsed().saturating_mul(REST));
            if is_changed {
                break;
            }
        }
    }
}
