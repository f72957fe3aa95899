//! `build`: Egress and Mesh files as manifests. Pure: data in, named texts out; [`output`] alone touches a disk.
//!
//! # Design
//! One function and one file a kind, each from a [`Plan`] to a JSON value; [`yaml`] makes bytes of them that depend on
//! nothing else. They are grouped into numbered files by [`Step`], because their order is part of the policy: a plugin
//! that is added to a live gateway lets requests through until its new listener is warm, so the plugin comes first.
//! Fields that somebody else owns, or that equal a default which cannot change, are not written.
//!
//! There is no `Sidecar`: it would replace what a namespace's owner says of all the sidecars there, and with
//! `REGISTRY_ONLY` and `exportTo` it would add nothing. The `EnvoyFilter` has three fields and no more: what else it
//! could do would break with Envoy's versions.

mod access_log;
mod autoscaler;
mod deployment;
mod destination_rule;
mod disruption_budget;
pub(crate) mod envoy_filter;
mod gateway;
mod gateway_api;
mod helm_values;
mod istio_operator;
pub(crate) mod lock;
mod mesh;
mod namespace;
mod network_policy;
mod opa;
pub(crate) mod output;
mod patch;
mod peer_authentication;
pub(crate) mod plan;
pub(crate) mod plugin;
mod pod;
pub(crate) mod refusal;
mod request_authentication;
mod security;
mod service;
mod service_account;
mod service_entry;
mod telemetry;
#[cfg(test)]
mod tests;
mod virtual_service;
pub(crate) mod yaml;

use std::collections::BTreeMap;

use sallyport_egress::model::deploy::Install;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::standbys;
use serde_json::{Map, Value, json};

use plan::{PinnedFilter, Plan};
use refusal::Refusal;
use sallyport_egress::Code;

/// The longest name of a Service or of a provider of the mesh, and value of a label.
const LONGEST_NAME: usize = 63;

/// Everything that a build writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Build {
    /// By path below the output folder, with `/` between its parts.
    pub(crate) files: BTreeMap<String, String>,
    /// For each Egress with patches: `NAMESPACE/NAME`, and what they changed.
    pub(crate) patched: Vec<(String, Vec<String>)>,
}

/// When a manifest is applied, relative to the others of its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Namespace,
    /// Who the gateway is, whom it believes, what the network lets through.
    Identity,
    /// Who may do what: before there is anything that could let a request in.
    Plugin,
    /// The pods.
    Deployment,
    /// What they listen for and where they connect to.
    Gateway,
    /// The first thing that sends a request there.
    Routes,
}

impl Step {
    fn file(self) -> &'static str {
        match self {
            Step::Namespace => "00-namespace.yaml",
            Step::Identity => "10-identity.yaml",
            Step::Plugin => "20-plugin.yaml",
            Step::Deployment => "30-deployment.yaml",
            Step::Gateway => "40-gateway.yaml",
            Step::Routes => "50-routes.yaml",
        }
    }

    /// Argo CD applies waves in order, and waits for each to be healthy.
    fn wave(self) -> String {
        (self as u8).to_string()
    }
}

/// Makes the manifests of every Egress, and those of the mesh.
///
/// The order in which the Egresses are given does not show.
pub(crate) fn build(
    egresses: &[&Egress],
    mesh: &Mesh,
    filter: &PinnedFilter,
    argo: bool,
) -> Result<Build, Vec<Refusal>> {
    let standbys: Vec<_> = egresses.iter().map(|egress| standbys(egress, egresses.iter().copied())).collect();
    let mut plans: Vec<_> =
        egresses.iter().zip(&standbys).map(|(egress, standbys)| Plan { egress, mesh, filter, standbys }).collect();
    plans.sort_by_key(|plan| (&plan.egress.namespace, &plan.egress.name));
    let mut refusals = Vec::new();
    let mut build = Build::default();
    let mut folders: BTreeMap<String, &Egress> = BTreeMap::new();
    for plan in &plans {
        let name = folder_name(plan);
        let named = check_names(plan, folders.insert(name.clone(), plan.egress)).and_then(|()| check_standbys(plan));
        if let Err(refusal) = named {
            refusals.push(refusal);
            continue;
        }
        match folder(plan, argo) {
            Ok(folder) => {
                build.files.extend(folder.files.into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
                if !folder.patched.is_empty() {
                    build.patched.push((format!("{}/{}", plan.egress.namespace, plan.egress.name), folder.patched));
                }
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    let header = "# Made by `sallyport build` for the whole mesh. Change the Mesh file, not this one.\n";
    for (file, value) in [
        ("mesh/istiooperator.yaml", mesh::istio_operator(mesh, &plans)),
        ("mesh/values.yaml", mesh::helm_values(mesh, &plans)),
    ] {
        build.files.insert(file.to_owned(), format!("{header}{}", yaml::document(&prune(value))));
    }
    if refusals.is_empty() { Ok(build) } else { Err(refusals) }
}

fn folder_name(plan: &Plan<'_>) -> String {
    format!("{}-{}", plan.egress.namespace, plan.egress.name)
}

fn check_standbys(plan: &Plan<'_>) -> Result<(), Refusal> {
    let Egress { namespace, spec, .. } = plan.egress;
    let is_there = |name: &&String| plan.standbys.iter().any(|standby| standby.name == **name);
    match spec.health.failover.iter().find(|name| !is_there(name)) {
        Some(name) => {
            let message = format!("its standby `{namespace}/{name}` is not among the files");
            Err(Refusal::of(plan.egress, Code::StandbyMissing, message)
                .with_help("build its file together with this one"))
        }
        None => Ok(()),
    }
}

/// `other`: the Egress that has the same folder, if there is one.
fn check_names(plan: &Plan<'_>, other: Option<&Egress>) -> Result<(), Refusal> {
    let wrong = |message: String, help| Err(Refusal::of(plan.egress, Code::ResourceNames, message).with_help(help));
    if let Some(other) = other {
        let message = format!("its folder would be that of `{}/{}`", other.namespace, other.name);
        return wrong(message, "give one of them another name");
    }
    let mut names = vec![plan.gateway_name()];
    names.extend(plan.egress.spec.expose.iter().map(|_| gateway::ingress_name(plan)));
    names.extend(plan.egress.spec.gateway.opa.iter().map(|_| opa::provider(plan)));
    match names.into_iter().find(|name| name.len() > LONGEST_NAME) {
        Some(name) => {
            let message = format!("a name that is made of its own, `{name}`, has more than {LONGEST_NAME} characters");
            wrong(message, "give it a shorter name")
        }
        None => Ok(()),
    }
}

#[derive(Default)]
struct Folder {
    files: BTreeMap<String, String>,
    patched: Vec<String>,
}

fn folder(plan: &Plan<'_>, argo: bool) -> Result<Folder, Refusal> {
    let mut objects: Vec<_> = objects(plan)?.into_iter().map(|(step, value)| (step, prune(value))).collect();
    let mut installer = installer(plan).map(|(file, value)| (file, prune(value)));
    if argo {
        objects.iter_mut().for_each(|(step, value)| add_wave(value, step.wave()));
    }
    let values = objects.iter_mut().map(|(_, value)| value).chain(installer.iter_mut().map(|(_, value)| value));
    let patched = patch::apply(plan.egress, values)?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let header = header(plan);
    for (step, value) in &objects {
        let text = files.entry(step.file().to_owned()).or_insert_with(|| header.clone());
        text.push_str("---\n");
        text.push_str(&yaml::document(value));
    }
    // In the order that the numbers say, which kustomize would change.
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files.keys().collect::<Vec<_>>(),
        "sortOptions": {"order": "fifo"},
    });
    files.insert("kustomization.yaml".to_owned(), format!("{header}{}", yaml::document(&kustomization)));
    if let Some((file, value)) = &installer {
        files.insert((*file).to_owned(), format!("{header}{}", yaml::document(value)));
    }
    Ok(Folder { files, patched })
}

fn header(plan: &Plan<'_>) -> String {
    let Egress { namespace, name, .. } = plan.egress;
    format!("# Made by `sallyport build` from the Egress {namespace}/{name}. Change that file, not this one.\n")
}

/// Everything that is applied to the cluster as it is.
fn objects(plan: &Plan<'_>) -> Result<Vec<(Step, Value)>, Refusal> {
    let spec = &plan.egress.spec;
    let install = plan.install();
    let mut objects = Vec::new();
    let mut add = |step, value| objects.push((step, value));
    if spec.gateway.create_namespace {
        add(Step::Namespace, namespace::namespace(plan));
    }
    add(Step::Identity, service_account::service_account(plan));
    add(Step::Identity, network_policy::network_policy(plan));
    add(Step::Identity, peer_authentication::peer_authentication(plan));
    request_authentication::request_authentication(plan).into_iter().for_each(|value| add(Step::Identity, value));
    if spec.gateway.opa.is_some() {
        add(Step::Plugin, opa::service_entry(plan));
        add(Step::Plugin, opa::authorization_policy(plan));
    }
    add(Step::Plugin, plugin::plugin(plan)?);
    add(Step::Plugin, telemetry::telemetry(plan));
    add(Step::Plugin, envoy_filter::envoy_filter(plan));
    match install {
        Install::Injected => {
            add(Step::Deployment, service::service(plan));
            add(Step::Deployment, deployment::deployment(plan));
            autoscaler::autoscaler(plan).into_iter().for_each(|value| add(Step::Deployment, value));
            add(Step::Deployment, disruption_budget::disruption_budget(plan));
        }
        Install::GatewayApi => {
            add(Step::Deployment, gateway_api::parameters(plan));
            add(Step::Deployment, gateway_api::gateway(plan));
        }
        Install::IstioOperator | Install::Helm => {}
    }
    add(Step::Gateway, service_entry::upstream(plan));
    add(Step::Gateway, destination_rule::to_upstream(plan));
    add(Step::Gateway, destination_rule::to_gateway(plan));
    if install == Install::GatewayApi {
        add(Step::Routes, gateway_api::route(plan)?);
    } else {
        add(Step::Gateway, gateway::gateway(plan));
        add(Step::Gateway, gateway::ready(plan));
        add(Step::Routes, virtual_service::upstream(plan));
    }
    add(Step::Routes, service_entry::host(plan));
    add(Step::Routes, virtual_service::mesh(plan));
    if let Some(expose) = &spec.expose {
        add(Step::Routes, virtual_service::ingress(plan, expose));
        add(Step::Routes, gateway::ingress(plan, expose));
    }
    Ok(objects)
}

/// What another tool makes the pods from: no object of the cluster, so no part of the kustomization.
fn installer(plan: &Plan<'_>) -> Option<(&'static str, Value)> {
    match plan.install() {
        Install::Injected | Install::GatewayApi => None,
        Install::IstioOperator => Some(("30-istiooperator.yaml", istio_operator::istio_operator(plan))),
        Install::Helm => Some(("30-helm-values.yaml", helm_values::helm_values(plan))),
    }
}

fn add_wave(value: &mut Value, wave: String) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert("argocd.argoproj.io/sync-wave".to_owned(), wave.into());
        }
    }
}

/// Without the fields that are `null`: so is written what the file leaves out.
fn prune(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, prune(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(prune).collect(),
        scalar => scalar,
    }
}
