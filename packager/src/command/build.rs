//! `sallyport build`: makes manifests from Egress and Mesh files.

mod layout;
mod leftovers;
mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::assemble::{Assembled, assemble};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::Selection;
use crate::output::{self, Difference};
use crate::printable::{quoted, quoted_path};
use crate::record::Record;
use crate::report::Format;
use layout::Layout;
use leftovers::Leftovers;
use summary::Summary;

/// Make Kubernetes and Istio manifests from Egress and Mesh files
///
/// Each Egress gets a folder with numbered files, which must be applied in order, a kustomization that keeps the order, and
/// NOTES.md, which says what must exist first. What the mesh as a whole needs is in `mesh`. The output is deterministic: the
/// same input gives the same bytes on every machine. Only files that have changed are written. Files from an earlier build
/// that are no longer built are listed, and removed with --prune. Other files in the folder are left alone, and never
/// overwritten; links in it are not followed.
///
/// The folder's file `.sallyport` lists what was written, and the options: --check and --diff use the same, unless others are
/// given.
///
/// The filter's image is pinned by its digest: the one in the Mesh file, else that of `sallyport.lock` beside the input
/// files or above them (up to the working directory), else that of the filter in this program, which `sallyport image push`
/// pushes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport build egress.yaml mesh.yaml -o manifests
  sallyport build deploy/ --diff manifests
  sallyport build deploy/ --check manifests
  sallyport build deploy/ -o manifests --argo --root --repository https://git.example.com/mesh.git")]
#[command(group = clap::ArgGroup::new("folder").required(true))]
// Below an error clap would show the files as required.
#[command(override_usage = "sallyport build [OPTIONS] <--output <DIR>|--check <DIR>|--diff <DIR>> [FILE|DIR]...")]
pub(crate) struct Args {
    /// Files, or directories, which are searched for Sallyport's *.yaml and *.yml files
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The output folder, which must be new, empty or from an earlier build
    #[arg(long, short, value_name = "DIR", group = "folder")]
    output: Option<PathBuf>,
    /// Write nothing, and exit with 2 if this folder differs from what would be built
    #[arg(long, value_name = "DIR", group = "folder")]
    check: Option<PathBuf>,
    /// Like --check, and print what would change in this folder as a unified diff
    #[arg(long, value_name = "DIR", group = "folder")]
    diff: Option<PathBuf>,
    /// Remove the files of an earlier build that are no longer built: all of them, if no Egress and no Mesh is left
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    layout: Layout,
    /// The format of the problems. In all but `human`, stdout has the report alone and the rest goes to stderr
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    fn folder(&self) -> &Path {
        let all = [&self.output, &self.check, &self.diff];
        all.into_iter().flatten().next().map_or(Path::new("."), PathBuf::as_path)
    }

    /// The options in force: those that are given, or for a comparison without any, those of the folder.
    fn layout(&self, record: Option<&Record>) -> Result<Layout, Failure> {
        match record {
            Some(record) if self.output.is_none() && self.layout.words().is_empty() => {
                Layout::of_record(record, self.folder())
            }
            _ => Ok(self.layout.clone()),
        }
    }

    /// The command that writes the folder, as it can be pasted.
    fn again(&self, layout: &Layout, prune: bool) -> String {
        let paths = self.paths.iter().map(|path| quoted_path(path));
        let options = layout.words().into_iter().map(|word| quoted(&word));
        let words = paths.chain(["-o".to_owned(), quoted_path(self.folder())]).chain(options);
        let words = words.chain(prune.then(|| "--prune".to_owned()));
        words.fold("sallyport build".to_owned(), |command, word| format!("{command} {word}"))
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let record = output::recorded(args.folder())?;
    let layout = args.layout(record.as_ref())?;
    let resolved = layout.clone().resolve(args.folder())?;
    let Assembled { mut report, mesh, built } = assemble(&args.paths, Selection::Ours, resolved.options());
    let is_empty = report.found_nothing() && record.as_ref().is_some_and(|record| !record.files.is_empty());
    if is_empty && args.prune {
        report.problems.clear();
        report.files.clear();
    }
    // With --quiet, warnings are left to `check`, whose result they are.
    let is_silent = report.problems.is_empty() || (console.quiet() && report.exit() == Exit::Ok);
    if args.format != Format::Human || !is_silent {
        let text = report.render(args.format, console.coloured(None), console.quiet());
        console.write(None, text.as_bytes())?;
    }
    let job = Job { args, console, record, again: &|prune| args.again(&layout, prune), options: resolved.words() };
    match built {
        Some(mut built) => {
            resolved.add_root(&mut built.build);
            let summary = Summary { folder: args.folder(), layout: &resolved, built: &built, mesh: mesh.as_ref() };
            job.finish(&built.build.files, |changes| [summary.head(changes), summary.next_steps(changes)])
        }
        None if is_empty && args.prune => job.finish(&BTreeMap::new(), |_| {
            ["nothing is built: no Egress and no Mesh was given\n".to_owned(), String::new()]
        }),
        None if report.exit() == Exit::Ok => {
            Err(Failure::new(Exit::Io, "there is nothing to build: no Egress and no Mesh was given"))
        }
        None => {
            if is_empty {
                console.note(&format!("to remove what earlier builds wrote: {}", args.again(&layout, true)));
            }
            Ok(report.exit())
        }
    }
}

/// Files, and the folder that they are for.
struct Job<'a> {
    args: &'a Args,
    console: &'a Console,
    record: Option<Record>,
    /// The command that writes the folder; `true` prunes it, too.
    again: &'a dyn Fn(bool) -> String,
    options: Vec<String>,
}

impl Job<'_> {
    /// Compares, or writes and prints a summary, and what to do next.
    fn finish(
        &self,
        files: &BTreeMap<String, String>,
        summary: impl Fn(&Difference) -> [String; 2],
    ) -> Result<Exit, Failure> {
        let Job { args, console, again, options, .. } = self;
        if args.output.is_none() {
            return self.compare(files);
        }
        let difference = output::write(args.folder(), files, options, args.prune)?;
        let Leftovers { first, last } = Leftovers::of(&difference, files, difference.is_pruned);
        if console.quiet() {
            // They are known only now: the files that said what is in the cluster have been overwritten.
            let commands = first + &last;
            if !commands.is_empty() {
                console.problem(commands.trim_end());
            }
            return Ok(Exit::Ok);
        }
        let [head, next_steps] = summary(&difference);
        let mut text = head + &self.other_options();
        if !difference.stale.is_empty() {
            text.push_str(if difference.is_pruned { "removed:\n" } else { "no longer built, and still there:\n" });
            difference.stale.keys().for_each(|name| text.push_str(&format!("  {name}\n")));
        }
        if !difference.is_pruned && !difference.stale.is_empty() {
            text.push_str(&format!("to remove them: {}\n", again(true)));
        }
        self.print(&[text, first, next_steps, last].concat())?;
        Ok(Exit::Ok)
    }

    fn compare(&self, files: &BTreeMap<String, String>) -> Result<Exit, Failure> {
        let Job { args, console, again, .. } = self;
        let difference = output::compare(args.folder(), files)?;
        if difference.is_empty() {
            return Ok(Exit::Ok);
        }
        if args.diff.is_some() {
            self.print(&output::diff(files, &difference))?;
        }
        if args.check.is_some() {
            self.print(&difference.lines().map(|line| format!("{line}\n")).collect::<String>())?;
        }
        let options = self.other_options();
        let Leftovers { first, last } = Leftovers::of(&difference, files, true);
        console.note(&format!(
            "{options}{first}{last}to bring the folder up to date: {}",
            again(!difference.stale.is_empty())
        ));
        Ok(Exit::Differs)
    }

    /// A line about the options of the folder, if they were others.
    fn other_options(&self) -> String {
        let shown = |options: &[String]| match options {
            [] => "none".to_owned(),
            options => options.iter().map(|option| quoted(option)).collect::<Vec<_>>().join(" "),
        };
        match &self.record {
            Some(record) if record.options != self.options => {
                format!("options: {}; those of the last build: {}\n", shown(&self.options), shown(&record.options))
            }
            _ => String::new(),
        }
    }

    /// What is not a problem goes to stderr if stdout has a report.
    fn print(&self, text: &str) -> Result<(), Failure> {
        match self.args.format {
            Format::Human => self.console.write(None, text.as_bytes()),
            _ if text.is_empty() => Ok(()),
            _ => {
                self.console.problem(text.trim_end());
                Ok(())
            }
        }
    }
}
