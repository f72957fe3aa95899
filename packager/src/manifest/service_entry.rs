//! ServiceEntry: the host that callers use, and the upstream.

use sallyport_egress::model::TlsMode;
use serde_json::{Value, json};

use super::plan::Plan;

/// The host that callers in the mesh use, on port 80: they speak plain HTTP, and their sidecars make mutual TLS of it.
///
/// Under `REGISTRY_ONLY` a sidecar has a listener for port 80, and a name for this host in its DNS proxy, only if some
/// service says so; the VirtualService alone does not. It has no endpoint on purpose: whatever goes wrong with the
/// routes, nothing is reached this way. Callers whose mesh does not capture DNS need any answer for the host from their
/// own resolver: the sidecar goes by the `Host` header.
pub(super) fn host(plan: &Plan<'_>) -> Value {
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

/// The upstream, for this namespace only: no sidecar of another knows it, so none can go round the gateway.
pub(super) fn upstream(plan: &Plan<'_>) -> Value {
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
