//! From servers to Envoy's listeners, with their HTTP connection managers (`gateway.go`, `listener.go` and
//! `listener_builder.go` of Istio).

use serde_json::{Map, Value, json};

use super::access_log;
use super::plugin::{self, Phase, Plugin};
use super::proxy::ProxySettings;
use super::server::Server;
use super::tls;
use crate::message::{address, extension, typed};

/// What all connection managers of a gateway have.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) settings: &'a ProxySettings,
    pub(super) access_log: Vec<Value>,
    /// The filters that ask somebody else.
    pub(super) external: Vec<Value>,
    pub(super) jwt: Option<Value>,
    pub(super) plugins: &'a [Plugin],
}

/// One listener per port of the pods, in the order of the servers.
pub(super) fn listeners(servers: &[Server<'_>], chain: &Chain<'_>) -> Vec<Value> {
    let mut ports: Vec<u16> = Vec::new();
    for server in servers {
        if !ports.contains(&server.pod_port) {
            ports.push(server.pod_port);
        }
    }
    let of = |port: u16| servers.iter().filter(|server| server.pod_port == port).collect::<Vec<_>>();
    ports.into_iter().map(|port| listener(port, &of(port), chain)).collect()
}

/// A listener's name in a pod.
pub(super) fn name(port: u16) -> String {
    format!("0.0.0.0_{port}")
}

fn listener(port: u16, servers: &[&Server<'_>], chain: &Chain<'_>) -> Value {
    let name = name(port);
    let mutual: Vec<_> = servers.iter().filter(|server| server.is_mutual).collect();
    let manager = |route_name: &str| {
        json!([extension(CONNECTION_MANAGER, MANAGER_TYPE, connection_manager(&name, route_name, chain))])
    };
    let chains: Vec<Value> = if mutual.is_empty() {
        // Servers without TLS share their routes.
        servers
            .iter()
            .take(1)
            .map(|server| {
                json!({
                    "filters": manager(&server.route_name),
                    "transport_socket_connect_timeout": "15s",
                })
            })
            .collect()
    } else {
        mutual
            .into_iter()
            .map(|server| {
                let mut chain = json!({
                    "filters": manager(&server.route_name),
                    "transport_socket": tls::downstream(),
                    "transport_socket_connect_timeout": "15s",
                });
                if let (Some(found), Value::Object(fields)) = (server_names(server), &mut chain) {
                    fields.insert("filter_chain_match".to_owned(), found);
                }
                chain
            })
            .collect()
    };
    let mut fields = Map::from_iter([
        ("address".to_owned(), address("0.0.0.0", port)),
        ("traffic_direction".to_owned(), "OUTBOUND".into()),
        ("max_connections_to_accept_per_socket_event".to_owned(), 1.into()),
        ("filter_chains".to_owned(), chains.into()),
    ]);
    if !chain.access_log.is_empty() {
        fields.insert("access_log".to_owned(), access_log::of_listener(&chain.access_log).into());
    }
    if servers.iter().any(|server| server.is_mutual) {
        let inspector = extension(
            "envoy.filters.listener.tls_inspector",
            "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            json!({"initial_read_buffer_size": 512}),
        );
        fields.insert("listener_filters".to_owned(), json!([inspector]));
    }
    fields.insert("name".to_owned(), name.into());
    typed("envoy.config.listener.v3.Listener", Value::Object(fields))
}

pub(super) const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
const MANAGER_TYPE: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// `None` if every name is accepted.
fn server_names(server: &Server<'_>) -> Option<Value> {
    let mut names = server.hosts.clone();
    names.sort_unstable();
    (!names.contains(&"*")).then(|| json!({"server_names": names}))
}

fn connection_manager(listener: &str, route_name: &str, chain: &Chain<'_>) -> Value {
    let settings = chain.settings;
    let mut fields = json!({
        "stat_prefix": format!("outbound_{listener};"),
        "rds": {
            "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
            "route_config_name": route_name,
        },
        "http_filters": http_filters(chain),
        "http_protocol_options": {},
        "server_name": "istio-envoy",
        "access_log": chain.access_log,
        "use_remote_address": true,
        "forward_client_cert_details": settings.forward_client_cert_details,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "stream_idle_timeout": "0s",
        "normalize_path": true,
        "request_id_extension": {"typed_config": typed(
            "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
            json!({"use_request_id_for_trace_sampling": true}),
        )},
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "proxy_100_continue": true,
    });
    let Value::Object(map) = &mut fields else { return fields };
    if matches!(settings.forward_client_cert_details.as_str(), "APPEND_FORWARD" | "SANITIZE_SET") {
        let details = json!({"subject": true, "cert": true, "dns": true, "uri": true});
        map.insert("set_current_client_cert_details".to_owned(), details);
    }
    if settings.num_trusted_proxies > 0 {
        map.insert("xff_num_trusted_hops".to_owned(), settings.num_trusted_proxies.into());
    }
    fields
}

/// Who is asked comes first, then tokens, then Sallyport's filter, which needs their claims; the router is the last.
fn http_filters(chain: &Chain<'_>) -> Vec<Value> {
    let of_phase = |phase: Phase| {
        let mut plugins: Vec<_> = chain.plugins.iter().filter(|plugin| plugin.phase == phase).collect();
        plugins.sort_by_key(|plugin| std::cmp::Reverse(plugin.priority));
        plugins.into_iter().map(|plugin| plugin::reference(&plugin.resource)).collect::<Vec<_>>()
    };
    let mut filters = chain.external.clone();
    filters.extend(of_phase(Phase::Authn));
    filters.extend(chain.jwt.clone());
    for phase in [Phase::Authz, Phase::Stats, Phase::Unspecified] {
        filters.extend(of_phase(phase));
    }
    filters.push(extension(
        "envoy.filters.http.grpc_stats",
        "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
        json!({"stats_for_all_methods": false, "emit_filter_state": true}),
    ));
    for (name, type_name) in [
        ("envoy.filters.http.fault", "envoy.extensions.filters.http.fault.v3.HTTPFault"),
        ("envoy.filters.http.cors", "envoy.extensions.filters.http.cors.v3.Cors"),
        ("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router"),
    ] {
        filters.push(extension(name, type_name, json!({})));
    }
    filters
}
