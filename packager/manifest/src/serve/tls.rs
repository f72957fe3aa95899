//! Certificates: the gateway's own and those that it verifies. Envoy gets them by name (SDS), as in a mesh, where the agent
//! reads the files.

use serde_json::{Map, Value, json};

use super::service::Service;
use super::traffic::Protocol;
use super::view::View;
use crate::message::extension;

/// The gateway's own certificate, and the authorities of the mesh.
pub(super) const OWN: &str = "default";
pub(super) const AUTHORITIES: &str = "ROOTCA";
/// The prefixes of the names of files: `file-cert:CERTIFICATE~KEY` and `file-root:CERTIFICATES`.
pub(super) const FILE_PAIR: &str = "file-cert:";
pub(super) const FILE_AUTHORITIES: &str = "file-root:";
/// In place of a file: the authorities that the machine trusts.
pub(super) const SYSTEM: &str = "system";

/// The TLS of a server with `ISTIO_MUTUAL`.
pub(super) fn downstream() -> Value {
    extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        json!({
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificate_sds_secret_configs": [secret(OWN)],
                "combined_validation_context": {
                    "default_validation_context": {},
                    "validation_context_sds_secret_config": secret(AUTHORITIES),
                },
            },
            "require_client_certificate": true,
        }),
    )
}

/// The TLS towards an upstream; `None` for plaintext.
pub(super) fn upstream(tls: View<'_>, service: &Service<'_>, is_http2: bool, protocol: &mut Protocol) -> Option<Value> {
    let mode = tls.text("mode").unwrap_or("DISABLE");
    if !matches!(mode, "SIMPLE" | "MUTUAL") {
        return None;
    }
    let sni = tls.filled("sni");
    let written = tls.texts("subjectAltNames");
    let is_unverified = tls.flag("insecureSkipVerify");
    if sni.is_none() {
        protocol.auto_sni();
        if written.is_empty() && !is_unverified {
            protocol.auto_san_validation();
        }
    }
    let names = if written.is_empty() { &service.subject_alt_names } else { &written };
    let mut common = Map::from_iter([(
        "tls_params".to_owned(),
        json!({"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}),
    )]);
    if mode == "MUTUAL" {
        let (certificate, key) = (tls.text("clientCertificate")?, tls.text("privateKey")?);
        let pair = secret(&format!("{FILE_PAIR}{certificate}~{key}"));
        common.insert("tls_certificate_sds_secret_configs".to_owned(), json!([pair]));
    }
    if is_unverified {
        common.insert("validation_context".to_owned(), json!({}));
    } else {
        let exact: Vec<Value> = names.iter().map(|name| json!({"exact": name})).collect();
        let authorities = tls.filled("caCertificates").unwrap_or(SYSTEM);
        let default = if exact.is_empty() { json!({}) } else { json!({"match_subject_alt_names": exact}) };
        common.insert(
            "combined_validation_context".to_owned(),
            json!({
                "default_validation_context": default,
                "validation_context_sds_secret_config": secret(&format!("{FILE_AUTHORITIES}{authorities}")),
            }),
        );
    }
    if is_http2 {
        common.insert("alpn_protocols".to_owned(), json!(["h2"]));
    }
    let mut context = json!({"common_tls_context": common});
    if let (Some(sni), Value::Object(fields)) = (sni, &mut context) {
        fields.insert("sni".to_owned(), sni.into());
    }
    Some(extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        context,
    ))
}

/// A secret that the agent gives Envoy.
fn secret(name: &str) -> Value {
    let mut config = json!({
        "api_config_source": {
            "api_type": "GRPC",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "sds-grpc"}}],
            "set_node_on_first_message_only": true,
            "transport_api_version": "V3",
        },
        "resource_api_version": "V3",
    });
    // Without these two nothing works, so Envoy waits for them.
    if let (true, Value::Object(fields)) = (matches!(name, OWN | AUTHORITIES), &mut config) {
        fields.insert("initial_fetch_timeout".to_owned(), "0s".into());
    }
    json!({"name": name, "sds_config": config})
}

/// The TLS towards a server that the system's authorities vouch for. `sni`: send the host as the server name.
pub(super) fn to_server(host: &str, sni: bool) -> Value {
    let mut context = json!({"common_tls_context": {"combined_validation_context": {
        "default_validation_context": {"match_subject_alt_names": [{"exact": host}]},
        "validation_context_sds_secret_config": secret(&format!("{FILE_AUTHORITIES}{SYSTEM}")),
    }}});
    if let (true, Value::Object(fields)) = (sni, &mut context) {
        fields.insert("sni".to_owned(), host.into());
    }
    extension("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context)
}
