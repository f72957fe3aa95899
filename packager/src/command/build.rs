//! `sallyport build`: makes manifests from Egress and Mesh files.

use std::path::PathBuf;

use sallyport_manifest::{Options, PluginApi};

use crate::assemble::{Assembled, Built, assemble};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::Selection;
use crate::output;
use crate::report::Format;

/// Make Kubernetes and Istio manifests from Egress and Mesh files
///
/// Each Egress gets a folder with numbered files, which must be applied in order, and a kustomization that keeps the order.
/// What the mesh as a whole needs is in `mesh`. The output is deterministic: the same input gives the same bytes on every
/// machine. Only files that have changed are written. Files from an earlier build that are no longer needed are removed,
/// and other files in the folder are left alone.
///
/// The filter's image is pinned by its digest: the one in the Mesh file, else that of `sallyport.lock` beside the input
/// files, else that of the filter in this program, which `sallyport image push` pushes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport build egress.yaml mesh.yaml -o manifests
  sallyport build deploy/ -o manifests --argo
  sallyport build deploy/ --check manifests")]
#[command(group = clap::ArgGroup::new("folder").required(true))]
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
    /// Add sync waves, so that Argo CD applies the manifests in order
    #[arg(long)]
    argo: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let Assembled { report, mesh, built } = assemble(&args.paths, Selection::Ours, Options { argo: args.argo });
    if !report.problems.is_empty() {
        let text = report.render(Format::Human, console.coloured(None), console.quiet());
        console.write(None, text.as_bytes())?;
    }
    match built {
        Some(built) => finish(args, console, &built, PluginApi::of(&mesh.unwrap_or_default())),
        None => Ok(report.exit()),
    }
}

fn finish(args: &Args, console: &Console, built: &Built, api: PluginApi) -> Result<Exit, Failure> {
    let Built { build, filter, gateways } = built;
    if let Some(folder) = &args.check {
        let difference = output::compare(folder, &build.files)?;
        let lines: String = difference.lines().map(|line| format!("{line}\n")).collect();
        console.write(None, lines.as_bytes())?;
        return Ok(if difference.is_empty() { Exit::Ok } else { Exit::Differs });
    }
    let Some(folder) = &args.output else {
        return Ok(Exit::Usage);
    };
    let difference = output::write(folder, &build.files)?;
    if !console.quiet() {
        let written = difference.missing.len().saturating_add(difference.changed.len());
        let (files, removed) = (build.files.len(), difference.stale.len());
        let mut text = format!(
            "gateways: {gateways}, filter loaded by {api}\n\
             filter: {}, pinned by {}\n\
             files: {files}, {written} written, {removed} removed\n",
            filter.filter.image, filter.by
        );
        for (egress, why) in &build.open_to_all {
            text.push_str(&format!("open to every namespace: {egress}: {why}\n"));
        }
        for (egress, changed) in &build.patched {
            text.push_str(&format!("patched: {egress}: {}\n", changed.join(", ")));
        }
        console.write(None, text.as_bytes())?;
    }
    Ok(Exit::Ok)
}
