//! From a VirtualService's `http` to Envoy's routes (`pilot/pkg/networking/core/route` of Istio).

use serde_json::{Map, Value, json};

use super::matching::{self, is_catch_all};
use super::view::View;
use super::{headers, retry};

/// What routes of one VirtualService have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    /// The port of the listener, as the mesh knows it.
    pub(super) port: u16,
    /// `NAMESPACE/NAME` of the Gateway.
    pub(super) gateway: &'a str,
    /// Istiod made it of an HTTPRoute, which has other defaults.
    pub(super) is_http_route: bool,
}

/// The routes in their order. After one that matches everything there are no more.
pub(super) fn routes(spec: View<'_>, origin: Origin<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    for http in spec.list("http") {
        let mut matches: Vec<_> = http.list("match").map(Some).collect();
        if matches.is_empty() {
            matches.push(None);
        }
        for found in matches.into_iter().filter(|found| is_for(*found, origin)) {
            let route = route(http, found, origin);
            let is_last = is_catch_all(&route);
            all.push(route);
            if is_last {
                return all;
            }
        }
    }
    all
}

/// Whether a match is for this port and gateway.
fn is_for(found: Option<View<'_>>, origin: Origin<'_>) -> bool {
    let Some(found) = found else { return true };
    let gateways = found.texts("gateways");
    found.port("port").is_none_or(|port| port == origin.port)
        && (gateways.is_empty() || gateways.contains(&origin.gateway))
}

fn route(http: View<'_>, found: Option<View<'_>>, origin: Origin<'_>) -> Value {
    let names = [http.filled("name"), found.and_then(|found| found.filled("name"))];
    let mut route = Map::from_iter([("match".to_owned(), matching::route_match(found, origin.is_http_route))]);
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(".");
    if !name.is_empty() {
        route.insert("name".to_owned(), name.into());
    }
    route.insert("metadata".to_owned(), config_metadata("virtual-service", origin.namespace, origin.name));
    let mut edits = http.field("headers").map(headers::edits).unwrap_or_default();
    if let Some(direct) = http.field("directResponse") {
        route.insert("direct_response".to_owned(), direct_response(direct));
    } else {
        let destinations: Vec<_> = http.list("route").collect();
        let mut action = action(http, origin);
        if let [destination] = destinations.as_slice() {
            edits.extend(destination.field("headers").map(headers::edits).unwrap_or_default());
            action.insert("cluster".to_owned(), cluster(*destination, origin.port).into());
            // The only destination gets everything, whatever its weight.
            destination.number("weight");
        } else {
            action.insert("weighted_clusters".to_owned(), weighted(&destinations, origin.port));
        }
        let authority = http.at(["rewrite", "authority"]).and_then(View::as_text).or(edits.authority.as_deref());
        if let Some(authority) = authority.filter(|authority| !authority.is_empty()) {
            action.insert("host_rewrite_literal".to_owned(), authority.into());
        }
        route.insert("route".to_owned(), Value::Object(action));
    }
    let operation = json!({"operation": operation(&route, origin)});
    route.insert("decorator".to_owned(), operation);
    route.extend(edits.into_fields());
    Value::Object(route)
}

/// Without a timeout of its own a route has none, and a gRPC request may take as long.
fn action(http: View<'_>, origin: Origin<'_>) -> Map<String, Value> {
    let timeout = http.duration("timeout").unwrap_or_else(|| "0s".to_owned());
    let mut action = Map::from_iter([
        ("timeout".to_owned(), timeout.as_str().into()),
        ("max_grpc_timeout".to_owned(), timeout.as_str().into()),
    ]);
    if origin.is_http_route {
        action.insert("cluster_not_found_response_code".to_owned(), "INTERNAL_SERVER_ERROR".into());
    }
    if let Some(rewrite) = http.field("rewrite") {
        if let Some(regex) = rewrite.field("uriRegexRewrite") {
            let pattern = json!({"regex": regex.text("match").unwrap_or_default()});
            let substitution = regex.text("rewrite").unwrap_or_default();
            action.insert("regex_rewrite".to_owned(), json!({"pattern": pattern, "substitution": substitution}));
        } else if let Some(uri) = rewrite.filled("uri") {
            action.insert("prefix_rewrite".to_owned(), uri.into());
        }
    }
    if let Some(policy) = retry::policy(http.field("retries")) {
        action.insert("retry_policy".to_owned(), policy);
    }
    action
}

fn direct_response(direct: View<'_>) -> Value {
    let mut response = json!({"status": direct.number("status")});
    if let (Some(body), Value::Object(fields)) = (direct.at(["body", "string"]), &mut response) {
        fields.insert("body".to_owned(), json!({"inline_string": body.as_text()}));
    }
    response
}

fn weighted(destinations: &[View<'_>], port: u16) -> Value {
    let clusters: Vec<Value> = destinations
        .iter()
        .filter_map(|destination| {
            let weight = destination.number("weight").filter(|weight| *weight > 0)?;
            let mut entry = Map::from_iter([
                ("name".to_owned(), cluster(*destination, port).into()),
                ("weight".to_owned(), weight.into()),
            ]);
            let edits = destination.field("headers").map(headers::edits).unwrap_or_default();
            if let Some(authority) = &edits.authority {
                entry.insert("host_rewrite_literal".to_owned(), authority.as_str().into());
            }
            entry.extend(edits.into_fields());
            Some(Value::Object(entry))
        })
        .collect();
    json!({"clusters": clusters})
}

/// The name of the cluster that a destination names.
fn cluster(destination: View<'_>, listener_port: u16) -> String {
    let Some(destination) = destination.field("destination") else { return "UnknownService".to_owned() };
    let host = destination.text("host").unwrap_or_default();
    let port = destination.field("port").and_then(|port| port.port("number")).unwrap_or(listener_port);
    cluster_name(destination.text("subset").unwrap_or_default(), host, port)
}

/// `outbound|PORT|SUBSET|HOST`.
pub(super) fn cluster_name(subset: &str, host: &str, port: u16) -> String {
    format!("outbound|{port}|{subset}|{host}")
}

/// Which object something was made of, for traces.
pub(super) fn config_metadata(kind: &str, namespace: &str, name: &str) -> Value {
    let config = format!("/apis/networking.istio.io/v1/namespaces/{namespace}/{kind}/{name}");
    json!({"filter_metadata": {"istio": {"config": config}}})
}

/// How traces name the route: `HOST:PORT/PATH`.
fn operation(route: &Map<String, Value>, origin: Origin<'_>) -> String {
    let text = |pointer: &str| route.get("match").and_then(|found| found.pointer(pointer)).and_then(Value::as_str);
    let path = match (text("/prefix"), text("/path"), text("/safe_regex/regex")) {
        (Some(prefix), ..) => format!("{prefix}*"),
        (None, Some(path), _) => path.to_owned(),
        (None, None, Some(regex)) => regex.to_owned(),
        (None, None, None) => "/*".to_owned(),
    };
    let cluster = route.get("route").and_then(|action| action.get("cluster")).and_then(Value::as_str);
    let mut parts = cluster.into_iter().flat_map(|name| name.split('|'));
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(port), Some(_), Some(host)) => format!("{host}:{port}{path}"),
        _ => format!("{}:{}{path}", origin.name, origin.port),
    }
}
