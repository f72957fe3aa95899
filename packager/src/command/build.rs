//! `sallyport build`: makes manifests from Egress and Mesh files.

use std::path::{Path, PathBuf};

use sallyport_egress::model::{Mesh, OutboundTraffic};
use sallyport_manifest::{Build, Options, PinnedBy, PluginApi, Source};

use crate::assemble::{Assembled, Built, assemble};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::Selection;
use crate::output::{self, Difference};
use crate::printable::printable;
use crate::report::Format;

/// Make Kubernetes and Istio manifests from Egress and Mesh files
///
/// Each Egress gets a folder with numbered files, which must be applied in order, a kustomization that keeps the order, and
/// NOTES.md, which says what must exist first. What the mesh as a whole needs is in `mesh`. The output is deterministic: the
/// same input gives the same bytes on every machine. Only files that have changed are written. Files from an earlier build
/// that are no longer built are listed, and removed with --prune. Other files in the folder are left alone.
///
/// The filter's image is pinned by its digest: the one in the Mesh file, else that of `sallyport.lock` beside the input
/// files, else that of the filter in this program, which `sallyport image push` pushes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport build egress.yaml mesh.yaml -o manifests
  sallyport build deploy/ --diff manifests
  sallyport build deploy/ --check manifests
  sallyport build deploy/ -o manifests --argo --root --repository https://git.example.com/mesh.git")]
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
    /// Like --check, and print what would change in this folder as a unified diff
    #[arg(long, value_name = "DIR", group = "folder")]
    diff: Option<PathBuf>,
    /// Remove the files of an earlier build that are no longer built
    #[arg(long)]
    prune: bool,
    /// Add sync waves, so that Argo CD applies the manifests in order
    #[arg(long)]
    argo: bool,
    /// Also write one kustomization over all gateways into the output folder; with --argo, an ApplicationSet
    #[arg(long)]
    root: bool,
    /// The URL of the Git repository in which Argo CD finds the output folder, for the ApplicationSet
    #[arg(long, value_name = "URL", requires_all = ["root", "argo"])]
    repository: Option<String>,
    /// The branch, tag or commit in that repository
    #[arg(long, value_name = "REVISION", requires = "repository", default_value = "HEAD")]
    revision: String,
    /// The output folder's path in that repository [default: the output folder as it is given]
    #[arg(long, value_name = "PATH", requires = "repository")]
    repository_path: Option<String>,
    /// The format of the problems. In all but `human`, stdout has the report alone and the rest goes to stderr
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    fn folder(&self) -> &Path {
        let all = [&self.output, &self.check, &self.diff];
        all.into_iter().flatten().next().map_or(Path::new("."), PathBuf::as_path)
    }

    /// The command that writes the folder.
    fn again(&self, prune: bool) -> String {
        let paths: Vec<_> = self.paths.iter().map(|path| printable(path)).collect();
        let options = [(self.argo, " --argo"), (self.root, " --root"), (prune, " --prune")];
        let options: String = options.into_iter().filter(|(is_given, _)| *is_given).map(|(_, option)| option).collect();
        format!("sallyport build {} -o {}{options}", paths.join(" "), printable(self.folder()))
    }

    fn add_root(&self, build: &mut Build) -> Result<(), Failure> {
        match (self.root, self.argo, &self.repository) {
            (false, ..) => {}
            (true, false, _) => build.add_root_kustomization(),
            (true, true, Some(repository)) => {
                let path = self.repository_path.clone().unwrap_or_else(|| printable(self.folder()));
                let (repository, revision) = (repository.clone(), self.revision.clone());
                build.add_application_set(&Source { repository, revision, path });
            }
            (true, true, None) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "an ApplicationSet names the Git repository of the output folder",
                )
                .with_help("write --repository URL, or leave out --argo or --root"));
            }
        }
        Ok(())
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let Assembled { report, mesh, built } = assemble(&args.paths, Selection::Ours, Options { argo: args.argo });
    if args.format != Format::Human || !report.problems.is_empty() {
        let text = report.render(args.format, console.coloured(None), console.quiet());
        console.write(None, text.as_bytes())?;
    }
    match built {
        Some(mut built) => {
            args.add_root(&mut built.build)?;
            finish(args, console, &built, mesh.as_ref())
        }
        None if report.exit() == Exit::Ok => {
            Err(Failure::new(Exit::Io, "there is nothing to build: no Egress and no Mesh was given"))
        }
        None => Ok(report.exit()),
    }
}

fn finish(args: &Args, console: &Console, built: &Built, mesh: Option<&Mesh>) -> Result<Exit, Failure> {
    let files = &built.build.files;
    let print = |text: &str| match args.format {
        Format::Human => console.write(None, text.as_bytes()),
        _ if text.is_empty() => Ok(()),
        _ => {
            console.problem(text.trim_end());
            Ok(())
        }
    };
    if args.output.is_none() {
        let difference = output::compare(args.folder(), files)?;
        if difference.is_empty() {
            return Ok(Exit::Ok);
        }
        if args.diff.is_some() {
            print(&output::diff(args.folder(), files, &difference)?)?;
        }
        if args.check.is_some() {
            print(&difference.lines().map(|line| format!("{line}\n")).collect::<String>())?;
        }
        console.note(&format!("to bring the folder up to date: {}", args.again(!difference.stale.is_empty())));
        return Ok(Exit::Differs);
    }
    let difference = output::write(args.folder(), files, args.prune)?;
    if !console.quiet() {
        print(&summary(args, built, &difference, mesh))?;
    }
    Ok(Exit::Ok)
}

fn summary(args: &Args, built: &Built, difference: &Difference, mesh: Option<&Mesh>) -> String {
    let Built { build, filter, lock_file: _ } = built;
    let written = difference.missing.len().saturating_add(difference.changed.len());
    let removed = if args.prune { difference.stale.len() } else { 0 };
    let (gateways, files) = (build.folders.len(), build.files.len());
    let defaults = Mesh::default();
    let api = PluginApi::of(mesh.unwrap_or(&defaults));
    let mut text = format!("gateways: {gateways}, filter loaded by {api}\n");
    if mesh.is_none() {
        let Mesh { istio_version, trust_domain, access_log, .. } = defaults;
        text.push_str(&format!(
            "mesh: no Mesh file, so Istio {istio_version}, trust domain {trust_domain}, {access_log} access log\n"
        ));
    }
    text.push_str(&format!("filter: {}, pinned by {}\n", filter.filter.image, filter.by));
    text.push_str(&format!("files: {files}, {written} written, {removed} removed\n"));
    if mesh.is_some_and(|mesh| mesh.outbound_traffic_policy == OutboundTraffic::RegistryOnly) {
        text.push_str("registry-only: with the mesh settings, every sidecar reaches only registered hosts\n");
    }
    for (egress, why) in &build.open_to_all {
        text.push_str(&format!("open to every namespace: {egress}: {why}\n"));
    }
    for (egress, changed) in &build.patched {
        text.push_str(&format!("patched: {egress}: {}\n", changed.join(", ")));
    }
    if !args.prune && !difference.stale.is_empty() {
        text.push_str("no longer built, and still there:\n");
        difference.stale.iter().for_each(|name| text.push_str(&format!("  {name}\n")));
        text.push_str(&format!("to remove them: {}\n", args.again(true)));
    }
    if written > 0 {
        text.push_str(&next_steps(args, built));
    }
    text
}

/// How many lines of what must exist are shown: a folder's notes have the rest.
const MOST_NEEDS: usize = 12;

/// What must exist first, and what to run then.
fn next_steps(args: &Args, built: &Built) -> String {
    let Built { build, filter, lock_file } = built;
    let folder = printable(args.folder());
    let mut text = "\nBefore you apply:\n".to_owned();
    if filter.is_placeholder() {
        text.push_str(&format!(
            "  push the filter, and build again: sallyport image push REPOSITORY --lock {lock_file}\n"
        ));
    } else if filter.by == PinnedBy::Program {
        let image = &filter.filter.image;
        text.push_str(&format!("  push the filter: sallyport image push {image} --lock {lock_file}\n"));
    }
    text.push_str(&format!("  add {folder}/mesh/istiooperator.yaml or values.yaml to the settings of your mesh\n"));
    for need in build.needs.iter().take(MOST_NEEDS) {
        text.push_str(&format!("  {}\n", need.line()));
    }
    match build.needs.len().saturating_sub(MOST_NEEDS) {
        0 => {}
        more => text.push_str(&format!("  and {more} more\n")),
    }
    text.push_str("Then:\n");
    match build.folders.as_slice() {
        [] => text.push_str("  add an Egress: there is no gateway yet\n"),
        _ if args.root && args.argo => text.push_str(&format!("  kubectl apply -f {folder}/applicationset.yaml\n")),
        _ if args.root => text.push_str(&format!("  kubectl apply -k {folder}\n")),
        [(gateway, _)] => text.push_str(&format!("  follow {folder}/{gateway}/NOTES.md\n")),
        _ => text.push_str(&format!("  follow NOTES.md in each gateway's folder in {folder}\n")),
    }
    text
}
