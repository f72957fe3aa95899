//! The access log: one JSON object per request, with the field names of Istio's JSON log.

use std::path::Path;

use sallyport_core::attributes::{CALLER, DECISION, HEALTH, RULE, SHADOW, TRACE, operator};
use serde_json::{Value, json};

use super::message::typed;

pub(super) fn access_log(path: &Path) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", json!({
            "path": path,
            "log_format": {"json_format": {
                "start_time": "%START_TIME%",
                "method": "%REQ(:METHOD)%",
                "authority": "%REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY)%",
                "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
                "protocol": "%PROTOCOL%",
                "response_code": "%RESPONSE_CODE%",
                "response_code_details": "%RESPONSE_CODE_DETAILS%",
                "response_flags": "%RESPONSE_FLAGS%",
                "duration": "%DURATION%",
                // Istio's log has only milliseconds.
                "duration_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
                "upstream_cluster": "%UPSTREAM_CLUSTER%",
                "upstream_host": "%UPSTREAM_HOST%",
                "requested_server_name": "%REQUESTED_SERVER_NAME%",
                "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%",
                // Set by the filter if the Mesh file has `accessLog: json`, or if Envoy traces requests.
                "decision": operator(DECISION),
                "rule": operator(RULE),
                "shadow": operator(SHADOW),
                "health": operator(HEALTH),
                "caller": operator(CALLER),
                "trace_id": operator(TRACE),
                "upstream_certificate_ends": "%UPSTREAM_PEER_CERT_V_END%",
                "request_id": "%REQ(X-REQUEST-ID)%",
            }},
        })),
    })
}
