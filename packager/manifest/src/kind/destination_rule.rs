//! DestinationRule: how callers reach the gateway, and how the gateway reaches the upstream.

use sallyport_egress::model::deploy::{ConnectionPool, OutlierDetection, Route};
use sallyport_egress::model::{HttpVersion, TlsMode, UpstreamTls};
use serde_json::{Value, json};

use crate::plan::Plan;

/// Exported, because callers are in every namespace. Istio enables mutual TLS by itself only toward sidecars, never toward
/// a gateway, and it would send the name of a cluster as SNI, which matches no server of the gateway.
///
/// The caller's version of HTTP is kept up to the gateway. With HTTP/1.1 the trailers of a gRPC call would be lost, and with
/// HTTP/2 a WebSocket would not be one; either can be the default of a mesh.
pub(crate) fn to_gateway(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "host": plan.service_host(),
            "trafficPolicy": {
                "tls": {"mode": "ISTIO_MUTUAL", "sni": plan.egress.spec.host},
                "connectionPool": {"http": {"useClientProtocol": true}},
            },
        },
    })
}

/// With SNI *and* the names to verify: with `sni` alone Istio verifies no name.
///
/// Probes have a subset: it has no labels and so contains every address, and inherits the rest of the rule's policy. But
/// no address is ejected from it, so that the gate finds out when one is healthy again.
pub(crate) fn to_upstream(plan: &Plan<'_>) -> Value {
    let Route { timeout: _, retries: _, paths: _, connection_pool, outlier_detection } = &plan.egress.spec.route;
    let never = outlier_detection.as_ref().map(|_| json!({"outlierDetection": {"consecutive5xxErrors": 0}}));
    let probes = plan.egress.probe_subset().map(|name| json!([{"name": name, "trafficPolicy": never}]));
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": plan.metadata(&plan.upstream_name()),
        "spec": {
            "host": plan.upstream_host(),
            "exportTo": ["."],
            "trafficPolicy": {
                "tls": tls(&plan.egress.spec.upstream.tls),
                "connectionPool": pool(connection_pool.as_ref(), plan.egress.spec.upstream.protocol),
                "outlierDetection": outlier_detection.as_ref().map(outlier),
            },
            "subsets": probes,
        },
    })
}

/// The CA certificates are always written, because Istio's default for them has changed before.
fn tls(tls: &UpstreamTls) -> Value {
    let UpstreamTls { mode, sni, subject_alt_names, ca_certificates, client_certificate, private_key } = tls;
    let mode = match mode {
        TlsMode::None => return json!({"mode": "DISABLE"}),
        TlsMode::Simple => "SIMPLE",
        TlsMode::Mutual => "MUTUAL",
    };
    json!({
        "mode": mode,
        "sni": sni,
        "subjectAltNames": subject_alt_names,
        "caCertificates": ca_certificates.as_deref().unwrap_or("system"),
        "clientCertificate": client_certificate,
        "privateKey": private_key,
    })
}

/// The version of HTTP is always written: a mesh can have another default, with which an upstream that speaks the other
/// version would fail.
fn pool(pool: Option<&ConnectionPool>, protocol: HttpVersion) -> Value {
    let ConnectionPool { max_connections, connect_timeout, max_requests, max_pending_requests } =
        pool.cloned().unwrap_or_default();
    let tcp = max_connections.is_some() || connect_timeout.is_some();
    json!({
        "tcp": tcp.then(|| json!({"maxConnections": max_connections, "connectTimeout": connect_timeout})),
        "http": {
            "h2UpgradePolicy": match protocol {
                HttpVersion::Http1 => "DO_NOT_UPGRADE",
                HttpVersion::Http2 => "UPGRADE",
            },
            "http2MaxRequests": max_requests,
            "http1MaxPendingRequests": max_pending_requests,
        },
    })
}

fn outlier(outlier: &OutlierDetection) -> Value {
    let OutlierDetection { consecutive5xx_errors, interval, base_ejection_time, max_ejection_percent } = outlier;
    json!({
        "consecutive5xxErrors": consecutive5xx_errors,
        "interval": interval,
        "baseEjectionTime": base_ejection_time,
        "maxEjectionPercent": max_ejection_percent,
    })
}
