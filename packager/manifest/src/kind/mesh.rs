//! What all gateways need in the mesh's configuration: only registered hosts are reachable, and the providers are known.

use sallyport_egress::model::Mesh;
use serde_json::{Value, json};

use super::{access_log, opa};
use crate::plan::Plan;

/// Input for `istioctl install -f`.
pub(crate) fn istio_operator(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    json!({
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": "sallyport-mesh", "namespace": "istio-system"},
        "spec": {"meshConfig": mesh_config(mesh, plans)},
    })
}

/// Values for the chart `istiod`.
pub(crate) fn helm_values(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    json!({"meshConfig": mesh_config(mesh, plans)})
}

pub(crate) fn mesh_config(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    let with_opa = plans.iter().filter(|plan| plan.egress.spec.gateway.opa.is_some());
    let providers: Vec<_> = with_opa.map(opa::extension_provider).chain(access_log::extension_provider(mesh)).collect();
    let aliases = &mesh.trust_domain_aliases;
    json!({
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        "trustDomain": mesh.trust_domain,
        "trustDomainAliases": (!aliases.is_empty()).then_some(aliases),
        "extensionProviders": (!providers.is_empty()).then_some(providers),
    })
}
