//! DestinationRule: how callers reach the gateway, and how the gateway reaches the upstream.

use sallyport_egress::model::deploy::{ConnectionPool, OutlierDetection, Route};
use sallyport_egress::model::{TlsMode, UpstreamTls};
use serde_json::{Value, json};

use crate::plan::Plan;

/// Exported, because callers are in every namespace. Istio enables mutual TLS by itself only toward sidecars, never toward
/// a gateway, and it would send the name of a cluster as SNI, which matches no server of the gateway.
pub(crate) fn to_gateway(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "host": plan.service_host(),
            "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL", "sni": plan.egress.spec.host}},
        },
    })
}

/// With SNI *and* the names to verify: with `sni` alone Istio verifies no name.
///
/// If callers' requests use a subset, outlier detection is set on the subset alone, so that it hides no address from the
/// health probe. The subset has no labels and so contains every address, and inherits the rest of the rule's policy.
pub(crate) fn to_upstream(plan: &Plan<'_>) -> Value {
    let Route { timeout: _, retries: _, connection_pool, outlier_detection } = &plan.egress.spec.route;
    let outlier = outlier_detection.as_ref().map(outlier);
    let (of_all, of_subset) = match plan.egress.traffic_subset() {
        None => (outlier, None),
        Some(name) => (None, Some(json!([{"name": name, "trafficPolicy": {"outlierDetection": outlier}}]))),
    };
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": plan.metadata(&plan.upstream_name()),
        "spec": {
            "host": plan.upstream_host(),
            "exportTo": ["."],
            "trafficPolicy": {
                "tls": tls(&plan.egress.spec.upstream.tls),
                "connectionPool": connection_pool.as_ref().map(pool),
                "outlierDetection": of_all,
            },
            "subsets": of_subset,
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

fn pool(pool: &ConnectionPool) -> Value {
    let ConnectionPool { max_connections, connect_timeout, max_requests, max_pending_requests } = pool;
    let tcp = max_connections.is_some() || connect_timeout.is_some();
    let http = max_requests.is_some() || max_pending_requests.is_some();
    json!({
        "tcp": tcp.then(|| json!({"maxConnections": max_connections, "connectTimeout": connect_timeout})),
        "http": http.then(|| json!({"http2MaxRequests": max_requests, "http1MaxPendingRequests": max_pending_requests})),
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
