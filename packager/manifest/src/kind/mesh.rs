//! What all gateways need in the mesh's configuration, and nothing else: it holds for every workload of the mesh.

use sallyport_egress::model::{DnsCapture, ISTIO_NAMESPACE, Mesh, OutboundTraffic};
use serde_json::{Map, Value, json};

use super::{access_log, opa};
use crate::made_by::MADE_BY;
use crate::plan::Plan;

/// Istio's own default, which a mesh has that says nothing.
const TRUST_DOMAIN: &str = "cluster.local";
/// What makes sidecars answer DNS queries. Since Istio 1.25, hosts without an address get one by themselves.
const DNS_CAPTURE: &str = "ISTIO_META_DNS_CAPTURE";

/// Input for `istioctl install -f`.
pub(crate) fn istio_operator(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    let namespace = &mesh.istiod.namespace;
    let elsewhere = (*namespace != ISTIO_NAMESPACE).then_some(namespace);
    json!({
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": "sallyport-mesh", "namespace": namespace},
        "spec": {
            "namespace": elsewhere,
            "revision": mesh.revision,
            "meshConfig": mesh_config(mesh, plans),
            "values": elsewhere.map(|namespace| json!({"global": {"istioNamespace": namespace}})),
        },
    })
}

/// Values for the chart `istiod`.
pub(crate) fn helm_values(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    json!({"revision": mesh.revision, "meshConfig": mesh_config(mesh, plans)})
}

/// Only what differs from Istio's defaults, so that the rest of a mesh that exists stays as it is.
pub(crate) fn mesh_config(mesh: &Mesh, plans: &[Plan<'_>]) -> Value {
    let aliases = &mesh.trust_domain_aliases;
    let providers = providers(mesh, plans);
    json!({
        "outboundTrafficPolicy": is_restricted(mesh).then(|| json!({"mode": "REGISTRY_ONLY"})),
        "trustDomain": (mesh.trust_domain != TRUST_DOMAIN).then_some(&mesh.trust_domain),
        "trustDomainAliases": (!aliases.is_empty()).then_some(aliases),
        "extensionProviders": (!providers.is_empty()).then_some(providers),
        "defaultConfig": captures_dns(mesh, plans).then(|| json!({
            "proxyMetadata": Map::from_iter([(DNS_CAPTURE.to_owned(), "true".into())]),
        })),
    })
}

/// The mesh's own, then those of the gateways.
fn providers(mesh: &Mesh, plans: &[Plan<'_>]) -> Vec<Value> {
    let theirs = mesh.extension_providers.iter().map(|provider| provider.0.clone());
    let with_opa = plans.iter().filter(|plan| plan.egress.spec.gateway.opa.is_some());
    theirs.chain(with_opa.map(opa::extension_provider)).chain(access_log::extension_provider(mesh)).collect()
}

fn is_restricted(mesh: &Mesh) -> bool {
    mesh.outbound_traffic_policy == OutboundTraffic::RegistryOnly
}

pub(crate) fn captures_dns(mesh: &Mesh, plans: &[Plan<'_>]) -> bool {
    match mesh.dns_capture {
        DnsCapture::Always => true,
        DnsCapture::Never => false,
        DnsCapture::Auto => plans.iter().any(|plan| plan.egress.host_needs_address()),
    }
}

/// The lines at the head of `istiooperator.yaml`.
pub(crate) fn istio_operator_comment(mesh: &Mesh, plans: &[Plan<'_>]) -> String {
    let how = "\
`istioctl install` makes the mesh from the files of one call and from defaults. A mesh that exists loses every
setting that is not in one of them, so name the file that it was installed with, too, and first:
  istioctl install -f YOURS.yaml -f istiooperator.yaml
";
    comment(how, mesh, plans)
}

/// The lines at the head of `values.yaml`.
pub(crate) fn helm_values_comment(mesh: &Mesh, plans: &[Plan<'_>]) -> String {
    let how = format!(
        "\
`helm upgrade` forgets earlier values unless it is told to keep them. In a mesh that exists, keep its version, too:
  helm upgrade {} istio/istiod -n {} --version VERSION --reuse-values -f values.yaml
",
        mesh.revision.as_ref().map_or("istiod".to_owned(), |revision| format!("istiod-{revision}")),
        mesh.istiod.namespace,
    );
    comment(&how, mesh, plans)
}

/// What a reader must know before these settings reach a mesh that others use.
fn comment(how: &str, mesh: &Mesh, plans: &[Plan<'_>]) -> String {
    let mut text = format!("{MADE_BY} for the whole mesh. Change the Mesh file, not this one.\n\n");
    text.push_str(how);
    if is_restricted(mesh) {
        text.push_str(
            "\noutboundTrafficPolicy: every sidecar of the mesh then reaches only hosts that the mesh knows. Calls of any \
             service to\nother hosts fail, with 502 or a closed connection. Register those hosts as ServiceEntry first.\n",
        );
    }
    if captures_dns(mesh, plans) {
        text.push_str(
            "\ndefaultConfig: every sidecar that starts from then on answers the DNS queries of its pod: hosts of the mesh \
             itself, all\nothers through the pod's resolver. Restart the callers of the gateways.\n",
        );
    }
    if !providers(mesh, plans).is_empty() {
        text.push_str(
            "\nextensionProviders: this list replaces the mesh's own, as istioctl and Helm replace lists. Write the mesh's \
             other\nproviders into `extensionProviders` of the Mesh file.\n",
        );
    }
    text.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sallyport_egress::model::{AccessLog, OWN_PROVIDERS};

    #[test]
    fn names_of_our_providers_are_kept_from_users() {
        let json = Mesh { access_log: AccessLog::Json, ..Mesh::default() };
        let provider = access_log::extension_provider(&json).unwrap_or_default();
        let named_ours = |name: &Value| name.as_str().is_some_and(|name| name.starts_with(OWN_PROVIDERS));
        assert!(named_ours(&provider["name"]), "{provider}");
    }
}
