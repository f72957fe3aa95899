//! The listener: mutual TLS, the connection manager, its filters and one route.

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::wire::Hygiene;
use serde_json::{Value, json};

use super::cluster::jwks_clusters;
use super::inputs::{EnvoyInputs, PLUGIN};
use super::message::{address, from_file, typed};
use super::{access_log, jwt, plugin};

/// The resource of the listener.
pub(crate) fn listener(inputs: EnvoyInputs<'_>) -> Value {
    typed(
        "envoy.config.listener.v3.Listener",
        json!({
            "name": format!("127.0.0.1_{}", inputs.port),
            "address": address("127.0.0.1", inputs.port),
            "listener_filters": [{
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", json!({})),
            }],
            "filter_chains": [{
                "transport_socket": downstream_tls(inputs),
                "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": connection_manager(inputs),
                }],
            }],
        }),
    )
}

fn downstream_tls(inputs: EnvoyInputs<'_>) -> Value {
    let gateway = inputs.layout.gateway(&inputs.egress.spec.host);
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", json!({
            // A certificate must be valid; without one the filter answers 401.
            "require_client_certificate": false,
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificates": [{
                    "certificate_chain": {"filename": gateway.certificate},
                    "private_key": {"filename": gateway.key},
                }],
                "validation_context": {"trusted_ca": {"filename": inputs.layout.ca()}},
            },
        })),
    })
}

fn connection_manager(inputs: EnvoyInputs<'_>) -> Value {
    let spec = &inputs.egress.spec;
    let mut fields = json!({
        "stat_prefix": format!("outbound_127.0.0.1_{}", inputs.port),
        "codec_type": "AUTO",
        "use_remote_address": true,
        "xff_num_trusted_hops": spec.gateway.num_trusted_proxies,
        "normalize_path": true,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "forward_client_cert_details": spec.authz.forward_client_cert_details(),
        "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
        // As in all of Istio's gateways.
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http2_protocol_options": {"max_concurrent_streams": 2_147_483_647_u32},
        "route_config": route_config(inputs),
        "http_filters": http_filters(inputs),
        "access_log": [access_log::access_log(&inputs.layout.access_log())],
    });
    // The same as the EnvoyFilter of `sallyport build` sets.
    if let Value::Object(fields) = &mut fields {
        fields.extend(sallyport_manifest::connection_manager(inputs.egress));
    }
    typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", fields)
}

/// The JWT filter comes before Sallyport's, which needs verified claims; only the router comes after it.
fn http_filters(inputs: EnvoyInputs<'_>) -> Vec<Value> {
    let mut filters = Vec::new();
    let providers = &inputs.egress.spec.authn.jwt;
    if !providers.is_empty() {
        filters.push(jwt::filter(providers, &jwks_clusters(providers)));
    }
    filters.push(json!({
        "name": PLUGIN,
        "config_discovery": {
            "config_source": from_file(&inputs.layout.discovery("ecds")),
            "type_urls": [format!("type.googleapis.com/{}", plugin::TYPE)],
        },
    }));
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed(
            "envoy.extensions.filters.http.router.v3.Router",
            json!({"suppress_envoy_headers": inputs.egress.spec.headers.hygiene != Hygiene::Off}),
        ),
    }));
    filters
}

/// The routes that istiod makes from a VirtualService with `rewrite.authority`: without a timeout, and with retries of
/// requests that have not reached the upstream.
fn route_config(inputs: EnvoyInputs<'_>) -> Value {
    let upstream = &inputs.egress.spec.upstream;
    json!({
        "name": format!("https.{}", inputs.port),
        "virtual_hosts": [{
            "name": format!("{}:{}", inputs.egress.spec.host, inputs.port),
            "domains": ["*"],
            "routes": [{
                "name": format!("{}.{}", inputs.egress.namespace, inputs.egress.name),
                // Only requests that the filter has marked, as in a gateway of `sallyport build`.
                "match": {"prefix": "/", "headers": [{
                    "name": ROUTE_HEADER,
                    "string_match": {"exact": inputs.egress.route()},
                }]},
                "request_headers_to_remove": inputs.egress.spec.headers.removed_from_requests(),
                "request_headers_to_add": credential(inputs),
                "response_headers_to_remove": inputs.egress.spec.headers.removed_from_responses(),
                "route": {
                    "cluster": inputs.egress.cluster(None),
                    "host_rewrite_literal": upstream.host,
                    "timeout": "0s",
                    "retry_policy": {
                        "retry_on": "connect-failure,refused-stream,unavailable,cancelled",
                        "num_retries": 2,
                    },
                },
            }, nowhere()],
        }],
    })
}

/// An unmarked request matches a route without a destination, as in a gateway of `sallyport build`. Without any route Envoy
/// accepts unknown upgrades, and forwards requests that are hidden behind them (observed).
fn nowhere() -> Value {
    json!({"name": "nowhere", "match": {"prefix": "/"}, "direct_response": {"status": 404}})
}

/// From the environment of `sallyport run`, where a gateway's pods have it from a Secret.
fn credential(inputs: EnvoyInputs<'_>) -> Vec<Value> {
    let header = inputs.egress.credential_header();
    let add =
        |(name, value)| json!({"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    header.map(add).into_iter().collect()
}
