//! Gateway: what this gateway listens on, and the ingress gateway if the file exposes the host.

use sallyport_egress::model::READINESS_PORT;
use sallyport_egress::model::deploy::Expose;
use serde_json::{Value, json};

use crate::plan::{Entrance, Plan};

/// `ISTIO_MUTUAL` gives the filter the caller's identity: without it there is none, and every request is refused.
pub(crate) fn gateway(plan: &Plan<'_>) -> Value {
    let server = |entrance: &Entrance| {
        json!({
            "port": {"number": entrance.service, "name": entrance.name("https"), "protocol": "HTTPS"},
            "hosts": plan.hosts(),
            "tls": {"mode": "ISTIO_MUTUAL"},
        })
    };
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "selector": plan.selector(),
            "servers": plan.entrances().iter().map(server).collect::<Vec<_>>(),
        },
    })
}

/// The port for the kubelet's readiness probe. It is a Gateway of its own, to which no VirtualService is bound, so that
/// whatever the filter does not answer gets 404: as a server of the other Gateway it would serve that one's routes, without
/// mutual TLS.
///
/// No Service has the port. Istio translates a Gateway's port if a Service of the selected pods has it, and otherwise lets
/// the pods listen on the port itself.
pub(crate) fn ready(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        // It reports that no Service has the port, which is intended.
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

/// In the ingress gateway's namespace, so that it also works if Istio is configured to bind Gateways to pods of their own
/// namespace only.
pub(crate) fn ingress(plan: &Plan<'_>, expose: &Expose) -> Value {
    let Expose { host: _, aliases: _, gateway, credential_name, https_redirect } = expose;
    let hosts: Vec<_> = expose.hosts().collect();
    let (namespace, label) = (gateway.namespace(), gateway.label());
    let mut metadata = plan.metadata(&ingress_name(plan));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    let mut servers = vec![json!({
        "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
        "hosts": hosts,
        "tls": {"mode": "SIMPLE", "credentialName": credential_name},
    })];
    if *https_redirect {
        servers.push(json!({
            "port": {"number": 80, "name": "http", "protocol": "HTTP"},
            "hosts": hosts,
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

/// The namespace is shared, so the name says which Egress it belongs to.
pub(crate) fn ingress_name(plan: &Plan<'_>) -> String {
    format!("{}-{}-ingress", plan.egress.namespace, plan.egress.name)
}
