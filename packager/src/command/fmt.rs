//! `sallyport fmt`: files in one usual form.

use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::Severity;
use sallyport_egress::formatted;

use crate::console::Console;
use crate::examine;
use crate::exit::{Exit, Failure};
use crate::input::{Input, Missing, Selection, gather, is_ours, text_of};
use crate::output::rewrite;
use crate::report::{Format, Report};

/// Bring files into one usual form, with their comments
///
/// Changes white space alone: two blanks per level, the dashes of a list below its key, one blank behind `:` and `,`, at most one
/// empty line. Nothing is sorted, no line is broken, and comments stay where they are. Each file is read again before it is
/// written: one that would not say the same is left alone. Prints the names of the files that it writes. A file keeps its mode and
/// its owner; one with other hard links, or in a folder where no file can be made, is written in place, and one that is read-only is
/// refused.
///
/// Files with wrong fields are formatted, too; only what is not YAML, or uses what `check` refuses of YAML, is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport fmt
  sallyport fmt deploy/ --check
  sallyport fmt - < egress.yaml")]
pub(crate) struct Args {
    /// Files, directories (all *.yaml and *.yml files below that are for Sallyport), or - to write standard input to stdout
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Write nothing: print the names of the files that are not formatted, and exit with code 2 if there are any
    #[arg(long)]
    check: bool,
}

/// A file that is not in the usual form.
struct Unformatted {
    /// `None`: standard input.
    path: Option<PathBuf>,
    name: String,
    old: String,
    new: String,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let is_input = |path: &PathBuf| path == Path::new("-");
    if args.paths.iter().any(is_input) && args.paths.len() > 1 {
        return Err(Failure::new(Exit::Usage, "`-` is formatted alone").with_help("leave the other files out"));
    }
    let is_stdin = args.paths.iter().any(is_input);
    let mut report = Report::default();
    let mut found = Vec::new();
    for input in gather(&args.paths, Selection::WithCases).files {
        found.extend(read(&mut report, input, is_stdin && !args.check));
    }
    for Unformatted { path, name, old, new } in &found {
        match path {
            _ if args.check => console.write(None, format!("{name}\n").as_bytes())?,
            Some(path) => {
                rewrite(path, old.as_bytes(), new.as_bytes())?;
                console.write(None, format!("{name}\n").as_bytes())?;
            }
            None => console.write(None, new.as_bytes())?,
        }
    }
    if !report.problems.is_empty() {
        console.problem(report.render(Format::Human, console.coloured(None), true).trim_end());
    }
    match report.exit() {
        Exit::Ok if args.check && !found.is_empty() => {
            console.note("these files are not formatted: `sallyport fmt` writes them");
            Ok(Exit::Differs)
        }
        exit => Ok(exit),
    }
}

/// A file that is not in the usual form, or standard input in any (`is_filter`): what is not formatted is passed on as it is, because
/// an editor replaces its text with what comes out.
fn read(report: &mut Report, mut input: Input, is_filter: bool) -> Option<Unformatted> {
    let (index, path, name) = (report.files.len(), input.path.clone(), input.name.clone());
    let unchanged = |text: String| Unformatted { path: None, name: name.clone(), old: text.clone(), new: text };
    let place = path.clone().unwrap_or_default();
    if let Some(text) = input.content.as_ref().ok().filter(|bytes| !is_ours(&place, bytes)).map(|bytes| text_of(bytes))
    {
        input.content = Err(Missing::ForOthers);
        examine::read(report, input);
        return is_filter.then(|| unchanged(text));
    }
    let source = examine::read(report, input)?;
    match formatted(index, &source) {
        Ok(new) if new == source.text && !is_filter => None,
        Ok(new) => Some(Unformatted { path, name, old: source.text, new }),
        Err(problems) => {
            let is_left = problems.iter().all(|problem| problem.severity == Severity::Warning);
            report.take(index, &source.text, problems);
            (is_left && is_filter).then(|| unchanged(source.text))
        }
    }
}
