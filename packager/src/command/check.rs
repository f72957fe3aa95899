//! `sallyport check`: reads files and says what is wrong with them.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{Checked, check, check_with_manifests, decode};

use super::explain;
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::{self, Input, Inputs, Wanted};
use crate::printable::printable;
use crate::report::{Format, Problem, Report, ReportedFile};

/// Check Egress and Mesh files, and lint Istio manifests
///
/// Every problem of every file is reported in one run, each with a code that never changes, its place, and what would be
/// right. Files that are given together are checked together. Errors make the exit code 1; warnings do not.
///
/// Istio manifests are read for the traps of egress gateways: those that `sallyport build` wrote, patched or not, and those
/// that somebody else did.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport check egress.yaml
  sallyport check deploy/ --format sarif --output sallyport.sarif
  kustomize build . | sallyport check -
  sallyport check --explain SP1302")]
pub(crate) struct Args {
    /// Files, directories (all *.yaml and *.yml below, if they are for Sallyport or Istio), or - for standard input
    #[arg(required_unless_present = "explain", value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// The form of the report; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
    /// Write the report to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the page of one code, or list all codes if none is given; check nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "format", "output"])]
    explain: Option<Option<String>>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if let Some(code) = &args.explain {
        return explain::run(code.as_deref(), console);
    }
    let output = args.output.as_deref();
    if let Some(output) = output {
        refuse_to_overwrite_input(output, &args.paths)?;
    }
    let (report, _) = examine(input::gather(&args.paths, Wanted::WithManifests));
    let text = report.render(args.format, console.coloured(output), console.quiet());
    console.write(output, text.as_bytes())?;
    Ok(report.exit())
}

/// Checks files together: what there is to say of them, and what they say.
pub(crate) fn examine(inputs: Inputs) -> (Report, Checked) {
    let mut report = Report { skipped: inputs.skipped, ..Report::default() };
    let mut sources = Vec::new();
    // For each source its index among the report's files.
    let mut indices = Vec::new();
    for (index, input) in inputs.files.into_iter().enumerate() {
        if let Some(source) = read(&mut report, input) {
            sources.push(source);
            indices.push(index);
        }
    }
    let mut checked = match inputs.wanted {
        Wanted::Ours => check(&sources),
        Wanted::WithManifests => check_with_manifests(&sources),
    };
    let mut diagnostics: Vec<_> = sources.iter().map(|_| Vec::new()).collect();
    for diagnostic in checked.diagnostics.drain(..) {
        if let Some(of_file) = diagnostics.get_mut(diagnostic.file) {
            of_file.push(diagnostic);
        }
    }
    for ((source, index), diagnostics) in sources.iter().zip(indices).zip(diagnostics) {
        report.take(index, &source.text, diagnostics);
    }
    report.problems.sort_by_key(|problem| problem.file);
    report.egresses = checked.egresses.len();
    report.manifests = checked.manifests;
    report.rules = checked.egresses.iter().map(|egress| egress.value.spec.authz.rules.len()).sum();
    (report, checked)
}

/// Notes a file in the report, and gives its text if it has one.
fn read(report: &mut Report, input: Input) -> Option<SourceFile> {
    let Input { name, uri, content } = input;
    let index = report.files.len();
    let missing = content.is_err();
    let source = match content.as_deref().map(|bytes| decode(&name, bytes)) {
        Ok(Ok(source)) => Ok(source),
        Ok(Err(undecodable)) => {
            report.take(index, &undecodable.file.text, vec![undecodable.diagnostic(index)]);
            Err(undecodable.file.text)
        }
        Err(missing) => {
            report.problems.push(Problem::missing(missing, index, &name));
            Err(String::new())
        }
    };
    let text = source.as_ref().map_or_else(String::clone, |source| source.text.clone());
    report.files.push(ReportedFile { name, uri, text, missing });
    source.ok()
}

/// A report must not take the place of what it reports on.
fn refuse_to_overwrite_input(output: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Ok(truth) = fs::canonicalize(output) else {
        return Ok(());
    };
    if inputs.iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == truth)) {
        let message = format!("the report would overwrite `{}`, which it is about", printable(output));
        return Err(Failure::new(Exit::Io, message));
    }
    Ok(())
}
