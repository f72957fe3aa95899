//! What all gateways need of the mesh: only registered hosts are reached, and OPA's providers are known.

use sallyport_egress::model::Mesh;
use serde_json::{Value, json};

use super::plan::Plan;
use super::{access_log, opa};

/// For `istioctl install -f`.
pub(super) fn istio_operator(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    json!({
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": "sallyport-mesh", "namespace": "istio-system"},
        "spec": {"meshConfig": mesh_config(mesh, plans)},
    })
}

/// For the chart `istiod`.
pub(super) fn helm_values(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    json!({"meshConfig": mesh_config(mesh, plans)})
}

fn mesh_config(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
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
