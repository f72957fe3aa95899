//! Route configurations: for each name that a listener asks for, the hosts with their routes.

use serde_json::{Value, json};

use super::matching::is_catch_all;
use super::message::typed;
use super::server::Server;

/// The configuration of a listener without TLS, or of one server with TLS. `hosts` has the routes of each host.
pub(super) fn route_config(server: &Server<'_>, hosts: Vec<(String, Vec<Value>)>, attempt_count: bool) -> Value {
    let mut hosts: Vec<Value> =
        hosts.into_iter().map(|(host, routes)| virtual_host(server.port, &host, routes, attempt_count)).collect();
    if hosts.is_empty() {
        let port = server.port;
        hosts.push(json!({"name": format!("blackhole:{port}"), "domains": ["*"]}));
    }
    typed(
        "envoy.config.route.v3.RouteConfiguration",
        json!({
            "name": server.route_name,
            "virtual_hosts": hosts,
            "validate_clusters": false,
            "ignore_port_in_host_matching": true,
            "max_direct_response_body_size_bytes": 1_048_576,
        }),
    )
}

/// Routes for every request come last.
fn virtual_host(port: u16, host: &str, routes: Vec<Value>, attempt_count: bool) -> Value {
    let (last, first): (Vec<_>, Vec<_>) = routes.into_iter().partition(is_catch_all);
    let routes: Vec<Value> = first.into_iter().chain(last).collect();
    let mut host = json!({"name": format!("{host}:{port}"), "domains": [host], "routes": routes});
    if let (true, Value::Object(fields)) = (attempt_count, &mut host) {
        fields.insert("include_request_attempt_count".to_owned(), true.into());
    }
    host
}
