//! ServiceEntry: the host that callers use, and the upstream.

use sallyport_egress::model::TlsMode;
use serde_json::{Value, json};

use crate::plan::Plan;

/// The host that callers in the mesh use, on port 80: they speak plain HTTP, and their sidecars wrap it in mutual TLS.
///
/// Under `REGISTRY_ONLY` a sidecar has a listener for port 80, and an entry for this host in its DNS proxy, only if there is
/// a service with them; a VirtualService alone is not enough. It has no endpoint on purpose: if the routes are wrong, no
/// request gets anywhere. Callers whose mesh does not capture DNS need some answer for the host from their own resolver,
/// but any address will do: the sidecar routes by the `Host` header.
pub(crate) fn host(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": plan.metadata(&plan.host_name()),
        "spec": {
            "hosts": [plan.egress.spec.host],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        },
    })
}

/// The upstream, exported to this namespace only: sidecars elsewhere do not know it, so they cannot bypass the gateway.
pub(crate) fn upstream(plan: &Plan<'_>) -> Value {
    let upstream = &plan.egress.spec.upstream;
    let (name, protocol) = if upstream.tls.mode == TlsMode::None { ("http", "HTTP") } else { ("https", "HTTPS") };
    let is_address = plan.upstream_is_address();
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": plan.metadata(&plan.upstream_name()),
        "spec": {
            "hosts": [plan.upstream_host()],
            "exportTo": ["."],
            "location": "MESH_EXTERNAL",
            "resolution": if is_address { "STATIC" } else { "DNS" },
            "endpoints": is_address.then(|| json!([{"address": upstream.host}])),
            "ports": [{"number": upstream.port, "name": name, "protocol": protocol}],
        },
    })
}
