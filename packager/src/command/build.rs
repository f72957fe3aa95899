//! `sallyport build`: makes manifests of Egress and Mesh files.

use std::path::PathBuf;

use sallyport_egress::model::Mesh;
use sallyport_manifest::{Build, BuildError, Options, PinnedFilter, PluginApi};

use super::check;
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::{self, Wanted};
use crate::report::Format;
use crate::{lock, output};

/// Make Kubernetes and Istio manifests of Egress and Mesh files
///
/// Each upstream gets a folder with numbered files, to be applied in their order, and a kustomization that keeps it; what
/// the mesh as a whole needs is in `mesh`. The same files make the same bytes on every machine. Only what changed is
/// written, what an earlier build wrote and this one does not is removed, and nothing else is touched.
///
/// The filter's image is pinned by the digest in the Mesh file, or by `sallyport.lock` beside the files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport build egress.yaml mesh.yaml -o manifests
  sallyport build deploy/ -o manifests --argo
  sallyport build deploy/ --check manifests")]
#[command(group = clap::ArgGroup::new("folder").required(true))]
pub(crate) struct Args {
    /// Files, or directories (all *.yaml and *.yml below, if they are for Sallyport)
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The folder to write: new, empty, or written by an earlier build
    #[arg(long, short, value_name = "DIR", group = "folder")]
    output: Option<PathBuf>,
    /// Write nothing, and exit with 2 if this folder is not what would be built now
    #[arg(long, value_name = "DIR", group = "folder")]
    check: Option<PathBuf>,
    /// Give each manifest the sync wave that keeps the order under Argo CD
    #[arg(long)]
    argo: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let (report, checked) = check::examine(input::gather(&args.paths, Wanted::Ours));
    if !report.problems.is_empty() {
        let text = report.render(Format::Human, console.coloured(None), console.quiet());
        console.write(None, text.as_bytes())?;
    }
    if report.exit() != Exit::Ok {
        return Ok(report.exit());
    }
    let mesh = checked.mesh.map_or_else(Mesh::default, |mesh| mesh.value);
    let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
    let filter = lock::find(&args.paths).and_then(|lock| PinnedFilter::choose(&mesh, lock.as_ref()))?;
    match sallyport_manifest::build(&egresses, &mesh, &filter, Options { argo: args.argo }) {
        Ok(build) => finish(args, console, &build, egresses.len(), PluginApi::of(&mesh)),
        Err(errors) => Ok(report_errors(errors, console)),
    }
}

fn report_errors(errors: Vec<BuildError>, console: &Console) -> Exit {
    for error in errors {
        console.fail(&error.into());
    }
    Exit::Problems
}

fn finish(args: &Args, console: &Console, build: &Build, gateways: usize, api: PluginApi) -> Result<Exit, Failure> {
    if let Some(folder) = &args.check {
        let difference = output::compare(folder, &build.files)?;
        let lines: String = difference.lines().map(|line| format!("{line}\n")).collect();
        console.write(None, lines.as_bytes())?;
        return Ok(if difference.is_empty() { Exit::Ok } else { Exit::STALE });
    }
    let Some(folder) = &args.output else {
        return Ok(Exit::Usage);
    };
    let difference = output::write(folder, &build.files)?;
    if !console.quiet() {
        let written = difference.missing.len() + difference.changed.len();
        let (files, removed) = (build.files.len(), difference.stale.len());
        let mut text =
            format!("gateways: {gateways}, filter by {api}\nfiles: {files}, {written} written, {removed} removed\n");
        for (egress, changed) in &build.patched {
            text.push_str(&format!("patched: {egress}: {}\n", changed.join(", ")));
        }
        console.write(None, text.as_bytes())?;
    }
    Ok(Exit::Ok)
}
