//! The access log: one line per request, with the filter's reason.

use sallyport_core::attributes::{CALLER, DECISION, HEALTH, REGION, RULE, SHADOW, SPAN, TRACE, operator};
use sallyport_egress::model::{AccessLog, Mesh};
use serde_json::{Value, json};

/// The provider of the JSON form.
const PROVIDER: &str = "sallyport-access-log";

/// The provider that a gateway's Telemetry names. Every Istio has `envoy`.
pub(crate) fn provider(mesh: &Mesh) -> &'static str {
    match mesh.access_log {
        AccessLog::Text => "envoy",
        AccessLog::Json => PROVIDER,
    }
}

/// For the mesh's configuration: the provider of the JSON form, which no mesh has by itself.
///
/// `reason` is `sallyport:REASON:RULE` if the filter refused the request, else Envoy's response code details. `principal`
/// is the identity in the peer's certificate, `address` where its connection comes from; `caller` is the one that a trusted forwarder names. A path is logged without
/// its query, which may hold secrets. The formats are Envoy's command operators.
pub(crate) fn extension_provider(mesh: &Mesh) -> Option<Value> {
    (mesh.access_log == AccessLog::Json).then(|| {
        json!({
            "name": PROVIDER,
            "envoyFileAccessLog": {
                "path": "/dev/stdout",
                "logFormat": {"labels": {
                    "time": "%START_TIME%",
                    "method": "%REQ(:METHOD)%",
                    "host": "%REQ(:AUTHORITY)%",
                    "path": "%PATH(NQ)%",
                    "protocol": "%PROTOCOL%",
                    "status": "%RESPONSE_CODE%",
                    "grpcStatus": "%GRPC_STATUS(SNAKE_STRING)%",
                    "decision": operator(DECISION),
                    "rule": operator(RULE),
                    "shadow": operator(SHADOW),
                    "region": operator(REGION),
                    "health": operator(HEALTH),
                    "reason": "%RESPONSE_CODE_DETAILS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "principal": "%DOWNSTREAM_PEER_URI_SAN%",
                    "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
                    "caller": operator(CALLER),
                    "sni": "%REQUESTED_SERVER_NAME%",
                    "requestId": "%REQ(X-REQUEST-ID)%",
                    "traceId": operator(TRACE),
                    "spanId": operator(SPAN),
                    "traceparent": "%REQ(TRACEPARENT)%",
                    "route": "%ROUTE_NAME%",
                    "upstream": "%UPSTREAM_HOST%",
                    "upstreamCertificateEnds": "%UPSTREAM_PEER_CERT_V_END%",
                    "upstreamFailure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
                    "durationMs": "%DURATION%",
                    "bytesReceived": "%BYTES_RECEIVED%",
                    "bytesSent": "%BYTES_SENT%",
                }},
            },
        })
    })
}
