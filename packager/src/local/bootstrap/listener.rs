//! The listener of a gateway: mTLS, the connection manager, the chain of filters, one route.

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::wire::Hygiene;
use serde_json::{Value, json};

use super::cluster::jwks_clusters;
use super::{PLUGIN, Plan, access_log, address, from_file, jwt, plugin, typed};

/// The resource of the listener.
pub(crate) fn listener(plan: Plan<'_>) -> Value {
    typed(
        "envoy.config.listener.v3.Listener",
        json!({
            "name": format!("127.0.0.1_{}", plan.port),
            "address": address("127.0.0.1", plan.port),
            "listener_filters": [{
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", json!({})),
            }],
            "filter_chains": [{
                "transport_socket": downstream_tls(plan),
                "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": connection_manager(plan),
                }],
            }],
        }),
    )
}

fn downstream_tls(plan: Plan<'_>) -> Value {
    let gateway = plan.layout.gateway(&plan.egress.spec.host);
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", json!({
            // Shown, it must be good; not shown, the filter says 401.
            "require_client_certificate": false,
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificates": [{
                    "certificate_chain": {"filename": gateway.certificate},
                    "private_key": {"filename": gateway.key},
                }],
                "validation_context": {"trusted_ca": {"filename": plan.layout.ca()}},
            },
        })),
    })
}

fn connection_manager(plan: Plan<'_>) -> Value {
    let spec = &plan.egress.spec;
    let mut fields = json!({
        "stat_prefix": format!("outbound_127.0.0.1_{}", plan.port),
        "codec_type": "AUTO",
        "use_remote_address": true,
        "xff_num_trusted_hops": spec.gateway.num_trusted_proxies,
        "normalize_path": true,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "forward_client_cert_details": spec.authz.forward_client_cert_details(),
        "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
        // As each of Istio's gateways has it.
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http2_protocol_options": {"max_concurrent_streams": 2_147_483_647_u32},
        "route_config": route_config(plan),
        "http_filters": http_filters(plan),
        "access_log": [access_log::access_log(&plan.layout.access_log())],
    });
    // The same as the EnvoyFilter of `sallyport build` sets.
    if let Value::Object(fields) = &mut fields {
        fields.extend(sallyport_manifest::connection_manager(plan.egress));
    }
    typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", fields)
}

/// Authentication before us, so that we see verified claims; nothing after us but the router.
fn http_filters(plan: Plan<'_>) -> Vec<Value> {
    let mut filters = Vec::new();
    let providers = &plan.egress.spec.authn.jwt;
    if !providers.is_empty() {
        filters.push(jwt::filter(providers, &jwks_clusters(providers)));
    }
    filters.push(json!({
        "name": PLUGIN,
        "config_discovery": {
            "config_source": from_file(&plan.layout.discovery("ecds")),
            "type_urls": [format!("type.googleapis.com/{}", plugin::TYPE)],
        },
    }));
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed(
            "envoy.extensions.filters.http.router.v3.Router",
            json!({"suppress_envoy_headers": plan.egress.spec.headers.hygiene != Hygiene::Off}),
        ),
    }));
    filters
}

/// As a VirtualService with `rewrite.authority` becomes: Istio sets no timeout, and retries what never reached the
/// upstream.
fn route_config(plan: Plan<'_>) -> Value {
    let upstream = &plan.egress.spec.upstream;
    json!({
        "name": format!("https.{}", plan.port),
        "virtual_hosts": [{
            "name": format!("{}:{}", plan.egress.spec.host, plan.port),
            "domains": ["*"],
            "routes": [{
                "name": format!("{}.{}", plan.egress.namespace, plan.egress.name),
                // Only what the filter has marked, as at a gateway of `sallyport build`.
                "match": {"prefix": "/", "headers": [{
                    "name": ROUTE_HEADER,
                    "string_match": {"exact": plan.egress.route()},
                }]},
                "request_headers_to_remove": plan.egress.spec.removed_from_requests(),
                "request_headers_to_add": credential(plan),
                "response_headers_to_remove": plan.egress.spec.removed_from_responses(),
                "route": {
                    "cluster": plan.egress.cluster(None),
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

/// Until it is marked a request has a route that leads nowhere, as at a gateway of `sallyport build`: without any Envoy
/// would not refuse upgrades that it does not know, and hand on what is hidden behind them (seen).
fn nowhere() -> Value {
    json!({"name": "nowhere", "match": {"prefix": "/"}, "direct_response": {"status": 404}})
}

/// From the environment of `sallyport run`, as a gateway's pods have it from a Secret.
fn credential(plan: Plan<'_>) -> Vec<Value> {
    let header = plan.egress.credential_header();
    let add =
        |(name, value)| json!({"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    header.map(add).into_iter().collect()
}
