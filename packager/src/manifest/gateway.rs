//! Gateway: what this gateway, and where the file exposes the host the ingress gateway, listens for.

use sallyport_egress::model::READINESS_PORT;
use sallyport_egress::model::deploy::Expose;
use serde_json::{Value, json};

use super::plan::{Plan, SERVICE_PORT};

/// `ISTIO_MUTUAL` is what brings the caller's identity to the filter: without it there is none, and nobody gets in.
pub(super) fn gateway(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "selector": plan.selector(),
            "servers": [{
                "port": {"number": SERVICE_PORT, "name": "https", "protocol": "HTTPS"},
                "hosts": [plan.egress.spec.host],
                "tls": {"mode": "ISTIO_MUTUAL"},
            }],
        },
    })
}

/// The kubelet's way in, with a name of its own: no VirtualService is for it, so what the filter does not answer itself
/// gets 404. A server of the other Gateway would take that one's routes along, without mutual TLS.
///
/// No Service has the port. Istio translates the port of a Gateway that selects pods where a Service of theirs has it, and
/// otherwise lets them listen on the port as it is.
pub(super) fn ready(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        // It would have the port in a Service.
        "metadata": plan.metadata_without("IST0162", &format!("{}-ready", plan.gateway_name())),
        "spec": {
            "selector": plan.selector(),
            "servers": [{
                "port": {"number": READINESS_PORT, "name": "http-ready", "protocol": "HTTP"},
                "hosts": ["*"],
            }],
        },
    })
}

/// In the ingress gateway's namespace, so that it works where Istio looks for Gateways beside their pods only.
pub(super) fn ingress(plan: &Plan<'_>, expose: &Expose) -> Value {
    let Expose { host, gateway: _, credential_name, https_redirect } = expose;
    let (namespace, label) = pods(expose);
    let mut metadata = plan.metadata(&ingress_name(plan));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    let mut servers = vec![json!({
        "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
        "hosts": [host],
        "tls": {"mode": "SIMPLE", "credentialName": credential_name},
    })];
    if *https_redirect {
        servers.push(json!({
            "port": {"number": 80, "name": "http", "protocol": "HTTP"},
            "hosts": [host],
            "tls": {"httpsRedirect": true},
        }));
    }
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": {"selector": {"istio": label}, "servers": servers},
    })
}

/// In a namespace that others use too the name must tell whose it is.
pub(super) fn ingress_name(plan: &Plan<'_>) -> String {
    format!("{}-{}-ingress", plan.egress.namespace, plan.egress.name)
}

/// Namespace and `istio` label of the ingress gateway's pods.
pub(super) fn pods(expose: &Expose) -> (&str, &str) {
    expose.gateway.split_once('/').unwrap_or(("istio-system", &expose.gateway))
}
