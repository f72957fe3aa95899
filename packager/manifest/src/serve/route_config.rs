//! Route configurations: for each name that a listener asks for, the hosts with their routes.

use serde_json::{Value, json};

use super::matching::is_catch_all;
use super::server::Server;
use crate::message::typed;

/// The configuration of a listener without TLS, or of one server with TLS. `hosts` has the routes of each host.
pub(super) fn route_config(server: &Server<'_>, hosts: Vec<(String, Vec<Value>)>, attempt_count: bool) -> Value {
    let mut hosts: Vec<Value> = together(hosts)
        .into_iter()
        .map(|(domains, routes)| virtual_host(server.port, &domains, routes, attempt_count))
        .collect();
    hosts.sort_by(|one, other| text_of_name(one).cmp(text_of_name(other)));
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

fn text_of_name(host: &Value) -> &str {
    host.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Hosts with the same routes share them, under the name of the first: the longest, and patterns last.
fn together(mut hosts: Vec<(String, Vec<Value>)>) -> Vec<(Vec<String>, Vec<Value>)> {
    let rank = |host: &str| (host.starts_with('*'), std::cmp::Reverse(host.len()));
    hosts.sort_by(|(one, _), (other, _)| rank(one).cmp(&rank(other)).then_with(|| one.cmp(other)));
    let mut all: Vec<(Vec<String>, Vec<Value>)> = Vec::new();
    for (host, routes) in hosts {
        match all.iter_mut().find(|(_, known)| *known == routes) {
            Some((domains, _)) => domains.push(host),
            None => all.push((vec![host], routes)),
        }
    }
    all
}

/// Routes for every request come last.
fn virtual_host(port: u16, domains: &[String], routes: Vec<Value>, attempt_count: bool) -> Value {
    let name = domains.first().map(String::as_str).unwrap_or_default();
    let (last, first): (Vec<_>, Vec<_>) = routes.into_iter().partition(is_catch_all);
    let routes: Vec<Value> = first.into_iter().chain(last).collect();
    let mut host = json!({"name": format!("{name}:{port}"), "domains": domains, "routes": routes});
    if let (true, Value::Object(fields)) = (attempt_count, &mut host) {
        fields.insert("include_request_attempt_count".to_owned(), true.into());
    }
    host
}
