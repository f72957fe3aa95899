//! The whole build: a folder per Egress, and one for the mesh.

use std::collections::BTreeMap;

use sallyport_egress::model::{Egress, Mesh};
use serde_json::{Value, json};

use crate::emit::{Emitted, emit};
use crate::error::BuildError;
use crate::kind::mesh;
use crate::names::{check_names, check_standbys, folder_name};
use crate::plan::{PinnedFilter, Plan, plans};
use crate::yaml;

/// What a user can choose about a build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Give each manifest the sync wave that keeps the order under Argo CD.
    pub argo: bool,
}

/// Everything that a build emits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The text of each file, by its path below the output folder, with `/` between the parts.
    pub files: BTreeMap<String, String>,
    /// For each Egress with patches: `NAMESPACE/NAME`, and what they changed, as `Kind/name`.
    pub patched: Vec<(String, Vec<String>)>,
}

/// Makes the manifests of every Egress, and those of the mesh.
///
/// The order of the Egresses does not matter. The result is deterministic: see the invariants of this [crate].
///
/// # Errors
/// Every reason why the Egresses cannot be built. The files are then valid by themselves, but not together or not with the way
/// of installation that they choose.
pub fn build(
    egresses: &[&Egress],
    mesh: &Mesh,
    filter: &PinnedFilter,
    options: Options,
) -> Result<Build, Vec<BuildError>> {
    let plans = plans(egresses, mesh, filter);
    let mut errors = Vec::new();
    let mut build = Build::default();
    let mut folders: BTreeMap<String, &Egress> = BTreeMap::new();
    for plan in &plans {
        let name = folder_name(plan);
        errors.extend(check_names(plan, folders.insert(name.clone(), plan.egress)));
        errors.extend(check_standbys(plan));
        match folder(plan, options) {
            Ok(folder) => {
                build.files.extend(folder.files.into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
                if !folder.patched.is_empty() {
                    build.patched.push((format!("{}/{}", plan.egress.namespace, plan.egress.name), folder.patched));
                }
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let header = "# Made by `sallyport build` for the whole mesh. Change the Mesh file, not this one.\n";
    for (file, value) in [
        ("mesh/istiooperator.yaml", mesh::istio_operator(mesh, &plans)),
        ("mesh/values.yaml", mesh::helm_values(mesh, &plans)),
    ] {
        build.files.insert(file.to_owned(), format!("{header}{}", yaml::document(&yaml::without_nulls(value))));
    }
    if errors.is_empty() { Ok(build) } else { Err(errors) }
}

#[derive(Default)]
struct Folder {
    files: BTreeMap<String, String>,
    patched: Vec<String>,
}

fn folder(plan: &Plan<'_>, options: Options) -> Result<Folder, Vec<BuildError>> {
    let Emitted { objects, installer, patched } = emit(plan, options.argo)?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let header = header(plan);
    for (step, value) in &objects {
        let text = files.entry(step.file().to_owned()).or_insert_with(|| header.clone());
        text.push_str("---\n");
        text.push_str(&yaml::document(value));
    }
    files.insert("kustomization.yaml".to_owned(), format!("{header}{}", kustomization(files.keys())));
    if let Some((file, value)) = &installer {
        files.insert((*file).to_owned(), format!("{header}{}", yaml::document(value)));
    }
    Ok(Folder { files, patched })
}

fn header(plan: &Plan<'_>) -> String {
    let Egress { namespace, name, .. } = plan.egress;
    format!("# Made by `sallyport build` from the Egress {namespace}/{name}. Change that file, not this one.\n")
}

/// `fifo` keeps the order of the numbered files, which kustomize would otherwise change.
fn kustomization<'f>(files: impl Iterator<Item = &'f String>) -> String {
    let resources: Vec<Value> = files.map(|file| file.as_str().into()).collect();
    yaml::document(&json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
        "sortOptions": {"order": "fifo"},
    }))
}
