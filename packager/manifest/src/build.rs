//! The whole build: a folder per Egress, and one for the mesh.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_egress::model::deploy::Install;
use sallyport_egress::model::{Egress, Mesh};
use serde_json::{Value, json};

use crate::callers::{CallerNamespaces, caller_namespaces};
use crate::emit::{Emitted, emit};
use crate::error::BuildError;
use crate::filter::PinnedFilter;
use crate::kind::{gateway_api, mesh, pod};
use crate::made_by::MADE_BY;
use crate::names::{NAMESPACES, check_names, check_standbys, folder_name};
use crate::notes::{Need, needs, notes};
use crate::options::Options;
use crate::patch::{self, OfMesh, Patched};
use crate::plan::{Plan, plans};
use crate::rolling::Rollouts;
use crate::{comment, yaml};

/// Everything that a build emits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The text of each file, by its path below the output folder, with `/` between the parts.
    pub files: BTreeMap<String, String>,
    /// For each Egress with patches: `NAMESPACE/NAME`, and what each of them changed, as `Kind/name` or
    /// `Kind (2 manifests)`.
    pub patched: Vec<(String, Vec<String>)>,
    /// The Egresses, as `NAMESPACE/NAME`, to whose gateways the network lets callers of every namespace connect, and why.
    pub open_to_all: Vec<(String, String)>,
    /// The folder of each gateway, in order, with its namespace.
    pub folders: Vec<(String, String)>,
    /// What must exist before the manifests are applied.
    pub needs: Vec<Need>,
    /// What is built, and perhaps not intended.
    pub warnings: Vec<BuildError>,
}

/// Makes the manifests of every Egress, and those of the mesh.
///
/// `rollouts`: the candidates of gateways, and the filters that they have of their own. The order of the Egresses does not matter. The result is deterministic: see the invariants of this [crate].
///
/// # Errors
/// Every reason why the Egresses cannot be built. The files are then valid by themselves, but not together or not with the way
/// of installation that they choose.
pub fn build(
    egresses: &[&Egress],
    mesh: &Mesh,
    filter: &PinnedFilter,
    rollouts: &Rollouts<'_>,
    options: Options,
) -> Result<Build, Vec<BuildError>> {
    let plans = plans(egresses, mesh, filter, rollouts);
    let mut errors = Vec::new();
    let mut build = Build::default();
    let mut of_mesh = OfMesh::default();
    let mut folders: BTreeMap<String, &Egress> = BTreeMap::new();
    let mut namespaces = Namespaces::default();
    let mut known_needs = BTreeSet::new();
    for plan in &plans {
        let name = folder_name(plan);
        errors.extend(check_names(plan, folders.insert(name.clone(), plan.egress)));
        errors.extend(check_standbys(plan));
        errors.extend(pod::check_files(plan));
        build.open_to_all.extend(match caller_namespaces(plan.egress, mesh, plan.candidate()) {
            CallerNamespaces::Any(why) => Some((plan.egress.route(), why)),
            CallerNamespaces::Only(_) => None,
        });
        match folder(plan, options, &mut namespaces) {
            Ok(folder) => {
                build.folders.push((name.clone(), plan.egress.namespace.to_string()));
                build.needs.extend(needs(plan).into_iter().filter(|need| known_needs.insert(need.clone())));
                if plan.install() == Install::GatewayApi {
                    build.warnings.extend(gateway_api::warnings(plan));
                }
                build.files.extend(folder.files.into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
                if !folder.patched.summary.is_empty() {
                    build.patched.push((plan.egress.route(), folder.patched.summary));
                }
                of_mesh.extend(folder.patched.of_mesh);
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    // One Egress of a namespace may make it for the others.
    build.needs.retain(|need| need.kind != "Namespace" || !namespaces.0.contains_key(&need.namespace));
    build.files.extend(namespaces.files());
    patch::report_the_mesh_once(&mut errors);
    // A gateway that could not be built may be the one that a patch is for.
    if errors.is_empty() && !plans.is_empty() {
        errors.extend(of_mesh.unused(mesh));
    }
    for (file, header, value) in [
        ("mesh/istiooperator.yaml", mesh::istio_operator_comment(mesh, &plans), mesh::istio_operator(mesh, &plans)),
        ("mesh/values.yaml", mesh::helm_values_comment(mesh, &plans), mesh::helm_values(mesh, &plans)),
    ] {
        build.files.insert(file.to_owned(), format!("{header}{}", yaml::document(&yaml::without_nulls(value))));
    }
    if errors.is_empty() { Ok(build) } else { Err(errors) }
}

/// Client-side apply keeps a copy of an object in an annotation of at most 256 KiB.
const LARGEST_CLIENT_SIDE: usize = 256 << 10;

#[derive(Default)]
struct Folder {
    files: BTreeMap<String, String>,
    patched: Patched,
}

/// One object for each namespace, however many Egresses ask for it, in a folder of its own: in that of a gateway it would go
/// with that gateway, or move to another when an Egress is added, and whoever prunes what is gone would prune the namespace.
#[derive(Default)]
struct Namespaces(BTreeMap<String, Value>);

impl Namespaces {
    fn files(&self) -> BTreeMap<String, String> {
        let header = format!(
            "# {MADE_BY} for every Egress of the namespace with `gateway.createNamespace`. Change those files.\n"
        );
        let text = |value| format!("{header}{}", yaml::commented(value, &comment::of_namespace()));
        let mut files: BTreeMap<String, String> =
            self.0.iter().map(|(name, value)| (format!("{name}.yaml"), text(value))).collect();
        if !files.is_empty() {
            files.insert("kustomization.yaml".to_owned(), format!("{header}{}", kustomization(files.keys(), &[])));
        }
        files.into_iter().map(|(file, text)| (format!("{NAMESPACES}/{file}"), text)).collect()
    }
}

fn folder(plan: &Plan<'_>, options: Options, namespaces: &mut Namespaces) -> Result<Folder, Vec<BuildError>> {
    let of_others = namespaces.0.get(plan.egress.namespace.as_str()).cloned();
    let Emitted { objects, installer, patched } = emit(plan, options.argo, of_others)?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let header = header(plan);
    for (step, value) in &objects {
        let Some(file) = step.file() else {
            namespaces.0.insert(plan.egress.namespace.to_string(), value.clone());
            continue;
        };
        let text = files.entry(file.to_owned()).or_insert_with(|| header.clone());
        text.push_str("---\n");
        text.push_str(&yaml::commented(value, &comment::of(plan, value)));
    }
    files.insert(
        "kustomization.yaml".to_owned(),
        format!("{header}{}", kustomization(files.keys(), &comment::of_kustomization())),
    );
    if let Some((file, value)) = &installer {
        files.insert((*file).to_owned(), format!("{header}{}", yaml::document(value)));
    }
    let is_large = files.values().any(|text| text.len() > LARGEST_CLIENT_SIDE);
    let kustomized: Vec<String> = objects.iter().filter_map(|(step, _)| step.file().map(str::to_owned)).collect();
    files.insert("NOTES.md".to_owned(), notes(plan, options, &kustomized, is_large));
    Ok(Folder { files, patched })
}

fn header(plan: &Plan<'_>) -> String {
    let Egress { namespace, name, .. } = plan.egress;
    format!("# {MADE_BY} from the Egress {namespace}/{name}. Change that file, not this one.\n")
}

/// `fifo` keeps the order of the numbered files, which kustomize would otherwise change.
pub(crate) fn kustomization<'f>(files: impl Iterator<Item = &'f String>, comments: &[yaml::Comment]) -> String {
    let resources: Vec<Value> = files.map(|file| file.as_str().into()).collect();
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
        "sortOptions": {"order": "fifo"},
    });
    yaml::commented(&kustomization, comments)
}
