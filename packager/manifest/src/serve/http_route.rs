//! From an HTTPRoute of the Kubernetes Gateway API to what istiod first makes of it: a VirtualService
//! (`pilot/pkg/config/kube/gateway/conversion.go`).

use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::view::View;

/// The `spec` of the VirtualService. `name` and `namespace` are those of the HTTPRoute.
pub(super) fn virtual_service(spec: View<'_>, name: &str, namespace: &str) -> Value {
    let mut http: Vec<Value> = Vec::new();
    for (position, rule) in spec.list("rules").enumerate() {
        let own = rule.filled("name").map_or_else(|| format!("{namespace}.{name}.{position}"), str::to_owned);
        let matches: Vec<Value> = rule.list("matches").map(route_match).collect();
        let route = route(rule, own);
        // istiod makes a route of each match, and sorts them.
        for found in matches {
            let mut route = route.clone();
            route.insert("match".to_owned(), json!([found]));
            http.push(Value::Object(route));
        }
    }
    http.sort_by_cached_key(|route| {
        let length = |pointer: &str| {
            let found = route.pointer(pointer);
            found.and_then(Value::as_object).map_or(0, Map::len)
        };
        let uri = |kind: &str| route.pointer(&format!("/match/0/uri/{kind}")).and_then(Value::as_str);
        let rank = [("regex", 1), ("prefix", 2), ("exact", 3)].into_iter().find(|(kind, _)| uri(kind).is_some());
        let path = rank.and_then(|(kind, _)| uri(kind)).map_or(0, str::len);
        let has_method = route.pointer("/match/0/method").is_some();
        let rank = rank.map_or(0, |(_, rank)| rank);
        (
            Reverse(rank),
            Reverse(path),
            !has_method,
            Reverse(length("/match/0/headers")),
            Reverse(length("/match/0/queryParams")),
        )
    });
    json!({"hosts": spec.texts("hostnames"), "http": http})
}

/// The name of the VirtualService that istiod makes for one host of all HTTPRoutes of a listener.
pub(super) fn name(gateway: &str, host: &str) -> String {
    format!("{}~{host}", gateway.replacen('/', "~", 1))
}

fn route_match(found: View<'_>) -> Value {
    let path = found.field("path");
    let kind = match path.and_then(|path| path.text("type")) {
        Some("Exact") => "exact",
        Some("RegularExpression") => "regex",
        _ => "prefix",
    };
    let value = path.and_then(|path| path.text("value")).unwrap_or("/");
    let mut out = Map::from_iter([("uri".to_owned(), json!({kind: value}))]);
    for (list, field) in [("headers", "headers"), ("queryParams", "queryParams")] {
        let entries = found.list(list).filter_map(|entry| {
            let kind = if entry.text("type") == Some("RegularExpression") { "regex" } else { "exact" };
            Some((entry.text("name")?.to_owned(), json!({kind: entry.text("value")})))
        });
        let entries: Map<_, _> = entries.collect();
        if !entries.is_empty() {
            out.insert(field.to_owned(), Value::Object(entries));
        }
    }
    if let Some(method) = found.text("method") {
        out.insert("method".to_owned(), json!({"exact": method}));
    }
    Value::Object(out)
}

/// Everything but the match.
fn route(rule: View<'_>, name: String) -> Map<String, Value> {
    let mut route = Map::from_iter([("name".to_owned(), name.into())]);
    let mut headers = Map::new();
    for filter in rule.list("filters") {
        filter.field("type");
        for (from, to) in [("requestHeaderModifier", "request"), ("responseHeaderModifier", "response")] {
            if let Some(modifier) = filter.field(from) {
                headers.insert(to.to_owned(), operations(modifier));
            }
        }
        if let Some(rewrite) = filter.field("urlRewrite") {
            route.insert("rewrite".to_owned(), url_rewrite(rewrite));
        }
    }
    if !headers.is_empty() {
        route.insert("headers".to_owned(), Value::Object(headers));
    }
    let timeouts = rule.field("timeouts");
    let times = ["request", "backendRequest"].map(|name| timeouts.and_then(|timeouts| timeouts.filled(name)));
    if let Some(timeout) = times.into_iter().flatten().last() {
        route.insert("timeout".to_owned(), timeout.into());
    }
    let backends: Vec<Value> = rule.list("backendRefs").map(destination).collect();
    if backends.is_empty() {
        route.insert("directResponse".to_owned(), json!({"status": 500}));
    } else {
        route.insert("route".to_owned(), backends.into());
    }
    route
}

fn operations(modifier: View<'_>) -> Value {
    let mut out = Map::new();
    for how in ["set", "add"] {
        let entries = modifier
            .list(how)
            .filter_map(|entry| Some((entry.text("name")?.to_owned(), Value::from(entry.text("value")?))));
        let entries: Map<_, _> = entries.collect();
        if !entries.is_empty() {
            out.insert(how.to_owned(), Value::Object(entries));
        }
    }
    let remove = modifier.texts("remove");
    if !remove.is_empty() {
        out.insert("remove".to_owned(), remove.into());
    }
    Value::Object(out)
}

fn url_rewrite(rewrite: View<'_>) -> Value {
    let mut out = Map::new();
    if let Some(hostname) = rewrite.filled("hostname") {
        out.insert("authority".to_owned(), hostname.into());
    }
    if let Some(path) = rewrite.field("path") {
        path.field("type");
        if let Some(prefix) = path.text("replacePrefixMatch") {
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            out.insert("uri".to_owned(), if prefix.is_empty() { "/" } else { prefix }.into());
        }
        if let Some(whole) = path.text("replaceFullPath") {
            out.insert("uriRegexRewrite".to_owned(), json!({"match": "/.*", "rewrite": whole}));
        }
    }
    Value::Object(out)
}

/// The kind `Hostname` of Istio's group names a host of a ServiceEntry.
fn destination(backend: View<'_>) -> Value {
    for said in ["group", "kind"] {
        backend.field(said);
    }
    let weight = backend.number("weight").unwrap_or(1);
    json!({
        "destination": {"host": backend.text("name"), "port": {"number": backend.port("port")}},
        "weight": weight,
    })
}
