//! The access log: a line a request, with the filter's reason.

use sallyport_core::attributes::{CALLER, DECISION, HEALTH, RULE, SHADOW, TRACE, operator};
use sallyport_egress::model::{AccessLog, Mesh};
use serde_json::{Value, json};

/// The provider of the JSON form.
const PROVIDER: &str = "sallyport-access-log";

/// The provider that a gateway's Telemetry names. `envoy` is the one that every Istio has.
pub(super) fn provider(mesh: &Mesh) -> &'static str {
    match mesh.access_log {
        AccessLog::Text => "envoy",
        AccessLog::Json => PROVIDER,
    }
}

/// For the mesh's configuration: what `provider` names, where the mesh does not have it by itself.
///
/// `reason` is the filter's of a refusal, `sallyport:REASON:RULE`, and else Envoy's word for who answered. `principal` is
/// whose certificate was shown, `caller` on whose behalf, where a trusted forwarder says so. A path is written without
/// its query, which may hold secrets. The formats are Envoy's command operators.
pub(super) fn extension_provider(mesh: &Mesh) -> Option<Value> {
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
                    "health": operator(HEALTH),
                    "reason": "%RESPONSE_CODE_DETAILS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "principal": "%DOWNSTREAM_PEER_URI_SAN%",
                    "caller": operator(CALLER),
                    "sni": "%REQUESTED_SERVER_NAME%",
                    "requestId": "%REQ(X-REQUEST-ID)%",
                    "traceId": operator(TRACE),
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
