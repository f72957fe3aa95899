//! The order in which the manifests of one gateway are applied.

use sallyport_egress::model::deploy::Install;
use serde_json::{Map, Value};

use crate::error::BuildError;
use crate::kind::{
    autoscaler, deployment, destination_rule, disruption_budget, envoy_filter, gateway, gateway_api, helm_values,
    istio_operator, namespace, network_policy, opa, peer_authentication, plugin, request_authentication, service,
    service_account, service_entry, telemetry, virtual_service,
};
use crate::plan::Plan;

/// When a manifest is applied, relative to the others of its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Namespace,
    /// The gateway's identity, whose certificates and tokens it trusts, and what the network lets through.
    Identity,
    /// The policy: before there is anything that could let a request in.
    Plugin,
    /// The pods.
    Deployment,
    /// What they listen on and where they connect to.
    Gateway,
    /// The first thing that sends a request to the gateway.
    Routes,
}

impl Step {
    /// Its file in the gateway's folder. The namespace is in none: several gateways can share it.
    pub(crate) fn file(self) -> Option<&'static str> {
        Some(match self {
            Step::Namespace => return None,
            Step::Identity => "10-identity.yaml",
            Step::Plugin => "20-plugin.yaml",
            Step::Deployment => "30-deployment.yaml",
            Step::Gateway => "40-gateway.yaml",
            Step::Routes => "50-routes.yaml",
        })
    }

    /// Marks a manifest for Argo CD, which applies waves in order and waits for each to be healthy.
    pub(crate) fn add_wave(self, manifest: &mut Value) {
        annotate(manifest, "argocd.argoproj.io/sync-wave", &(self as u8).to_string());
        if self == Step::Namespace {
            // An Egress that no longer asks for it must not take away the namespace with everything in it.
            annotate(manifest, "argocd.argoproj.io/sync-options", "Prune=false,Delete=false");
        }
    }
}

/// Says which Sallyport has made the object. It is an annotation of the object alone, so that another version by itself
/// restarts no pod.
pub(crate) fn add_version(manifest: &mut Value) {
    annotate(manifest, "sallyport.dev/version", env!("CARGO_PKG_VERSION"));
}

fn annotate(manifest: &mut Value, key: &str, value: &str) {
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(key.to_owned(), value.into());
        }
    }
}

/// Everything that is applied to the cluster as it is.
pub(crate) fn objects(plan: &Plan<'_>) -> Result<Vec<(Step, Value)>, Vec<BuildError>> {
    let spec = &plan.egress.spec;
    let install = plan.install();
    let (mut objects, mut errors) = (Vec::new(), Vec::new());
    let mut add = |step, value| objects.push((step, value));
    if spec.gateway.create_namespace {
        add(Step::Namespace, namespace::namespace(plan));
    }
    add(Step::Identity, service_account::service_account(plan));
    add(Step::Identity, network_policy::network_policy(plan));
    add(Step::Identity, peer_authentication::peer_authentication(plan));
    // Not beside the plugin: whoever deletes that must not let callers' marks through.
    add(Step::Identity, envoy_filter::envoy_filter(plan));
    request_authentication::request_authentication(plan).into_iter().for_each(|value| add(Step::Identity, value));
    if spec.gateway.opa.is_some() {
        add(Step::Plugin, opa::service_entry(plan));
        add(Step::Plugin, opa::authorization_policy(plan));
    }
    match plugin::plugin(plan) {
        Ok(plugin) => add(Step::Plugin, plugin),
        Err(error) => errors.push(error),
    }
    add(Step::Plugin, telemetry::telemetry(plan));
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
        errors.extend(gateway_api::inexpressible(plan));
        gateway_api::routes(plan).into_iter().for_each(|route| add(Step::Routes, route));
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
    if errors.is_empty() { Ok(objects) } else { Err(errors) }
}

/// The file that another tool makes the pods from: it is not an object of the cluster, so not part of the kustomization.
pub(crate) fn installer(plan: &Plan<'_>) -> Option<(&'static str, Value)> {
    match plan.install() {
        Install::Injected | Install::GatewayApi => None,
        Install::IstioOperator => Some(("30-istiooperator.yaml", istio_operator::istio_operator(plan))),
        Install::Helm => Some(("30-helm-values.yaml", helm_values::helm_values(plan))),
    }
}
