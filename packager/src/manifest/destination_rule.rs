//! DestinationRule: how callers reach the gateway, and how the gateway reaches the upstream.

use sallyport_egress::model::deploy::{ConnectionPool, OutlierDetection, Route};
use sallyport_egress::model::{TlsMode, UpstreamTls};
use serde_json::{Value, json};

use super::plan::Plan;

/// Callers of every namespace, so it is exported. Istio turns mutual TLS on by itself toward sidecars only, never toward
/// a gateway; and the server name it would send is a cluster's, which no server here answers to.
pub(super) fn to_gateway(plan: &Plan<'_>) -> Value {
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

/// Server name *and* names to verify: with `sni` alone Istio verifies no name.
///
/// Where callers' requests have a subset, it alone ejects addresses. It has no labels, and so every address; what its policy
/// does not replace is the rule's.
pub(super) fn to_upstream(plan: &Plan<'_>) -> Value {
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

/// The authorities are written out: what Istio takes where they are not has changed before.
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
