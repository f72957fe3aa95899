//! ServiceEntry: the host that callers use, and the upstream.

use std::collections::BTreeSet;

use sallyport_egress::model::{Endpoint, TlsMode};
use serde_json::{Value, json};

use crate::plan::{Entrance, Plan};

/// The hosts that callers in the mesh use, on port 80 and those of the file: they speak plain HTTP, and their sidecars wrap
/// it in mutual TLS.
///
/// Under `REGISTRY_ONLY` a sidecar has a listener for a port, and an entry for this host in its DNS proxy, only if there is
/// a service with them; a VirtualService alone is not enough. It has no endpoint on purpose: if the routes are wrong, no
/// request gets anywhere. Callers whose mesh does not capture DNS need some answer for the host from their own resolver,
/// but any address will do: the sidecar routes by the `Host` header.
pub(crate) fn host(plan: &Plan<'_>) -> Value {
    let port =
        |entrance: &Entrance| json!({"number": entrance.callers, "name": entrance.name("http"), "protocol": "HTTP"});
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": plan.metadata(&plan.host_name()),
        "spec": {
            "hosts": plan.hosts(),
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": plan.entrances().iter().map(port).collect::<Vec<_>>(),
        },
    })
}

/// The upstream, exported to this namespace only: sidecars elsewhere do not know it, so they cannot bypass the gateway.
pub(crate) fn upstream(plan: &Plan<'_>) -> Value {
    let upstream = &plan.egress.spec.upstream;
    let (name, protocol) = if upstream.tls.mode == TlsMode::None { ("http", "HTTP") } else { ("https", "HTTPS") };
    let more: BTreeSet<_> = plan.egress.spec.ports.iter().map(|port| port.upstream_port).collect();
    let more = more.into_iter().filter(|port| *port != upstream.port).map(|port| (port, format!("{name}-{port}")));
    let ports = std::iter::once((upstream.port, name.to_owned())).chain(more);
    let ports: Vec<_> =
        ports.map(|(number, name)| json!({"number": number, "name": name, "protocol": protocol})).collect();
    let endpoints = upstream.fixed_endpoints();
    // All are addresses, or none is.
    let are_addresses = endpoints.iter().any(|endpoint| endpoint.address.address().is_some());
    let endpoints: Vec<_> = endpoints.iter().map(|endpoint| entry(endpoint, name)).collect();
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": plan.metadata(&plan.upstream_name()),
        "spec": {
            "hosts": [plan.upstream_host()],
            "exportTo": ["."],
            "location": "MESH_EXTERNAL",
            "resolution": if are_addresses { "STATIC" } else { "DNS" },
            "endpoints": (!endpoints.is_empty()).then_some(endpoints),
            "ports": ports,
        },
    })
}

/// `port`: the name of the service's port that the endpoint's stands for. Its other ports are the same at every endpoint.
fn entry(endpoint: &Endpoint, port: &str) -> Value {
    let Endpoint { address, port: number, locality, weight } = endpoint;
    let ports = number.map(|number| json!({port: number}));
    json!({"address": address, "ports": ports, "locality": locality, "weight": weight})
}
