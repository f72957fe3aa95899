//! From RequestAuthentications to the JWT filter (`policy_applier.go` of Istio).
//!
//! An invalid token is refused. A request without a token goes on to Sallyport's filter, where no rule for claims matches it.
//!
//! # Where this differs
//! istiod fetches the keys of a `jwksUri` itself and gives Envoy the keys. Here Envoy fetches them, from a cluster that is
//! made for it.

use std::net::IpAddr;

use sallyport_egress::value::authn::JwksUri;
use serde_json::{Map, Value, json};

use super::tls;
use super::view::View;
use crate::message::{address, extension, typed};

/// A key set that verifies no token: what istiod gives Envoy if it has no keys.
const NO_KEYS: &str = r#"{"keys":[]}"#;

/// The filter, and the clusters of the servers of key sets; `None` without rules.
pub(super) fn filter(policies: &[View<'_>]) -> Option<(Value, Vec<Value>)> {
    let rules: Vec<_> = policies.iter().flat_map(|spec| spec.list("jwtRules")).collect();
    if rules.is_empty() {
        return None;
    }
    let name = |index: usize| json!({"provider_name": format!("origins-{index}")});
    let optional = |index: usize| json!({"requires_any": {"requirements": [name(index), {"allow_missing": {}}]}});
    let requires = if rules.len() == 1 {
        optional(0)
    } else {
        // One valid token is enough; otherwise every token in the request must be valid.
        let mut any: Vec<Value> = (0..rules.len()).map(name).collect();
        let all: Vec<Value> = (0..rules.len()).map(optional).collect();
        any.push(json!({"requires_all": {"requirements": all}}));
        json!({"requires_any": {"requirements": any}})
    };
    let uris: Vec<_> = rules.iter().map(|rule| jwks_uri(*rule)).collect();
    let providers = rules.iter().zip(&uris).enumerate();
    let providers: Map<String, Value> =
        providers.map(|(index, (rule, uri))| (format!("origins-{index}"), provider(*rule, uri.as_ref()))).collect();
    let filter = extension(
        "envoy.filters.http.jwt_authn",
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        json!({
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requires}],
            "bypass_cors_preflight": true,
        }),
    );
    let mut clusters: Vec<Value> = Vec::new();
    for cluster in uris.iter().flatten().map(|(_, uri)| cluster(uri)) {
        if !clusters.contains(&cluster) {
            clusters.push(cluster);
        }
    }
    Some((filter, clusters))
}

/// Where the keys are, as it is written; `None` if they are in the object.
fn jwks_uri<'a>(rule: View<'a>) -> Option<(&'a str, JwksUri)> {
    let written = rule.filled("jwksUri").filter(|_| rule.filled("jwks").is_none())?;
    Some((written, written.parse().ok()?))
}

fn provider(rule: View<'_>, uri: Option<&(&str, JwksUri)>) -> Value {
    let mut provider = Map::from_iter([
        ("issuer".to_owned(), rule.text("issuer").into()),
        ("payload_in_metadata".to_owned(), "payload".into()),
        ("clear_route_cache".to_owned(), true.into()),
        ("normalize_payload_in_metadata".to_owned(), json!({"space_delimited_claims": ["permission", "scope"]})),
    ]);
    let audiences = rule.texts("audiences");
    if !audiences.is_empty() {
        provider.insert("audiences".to_owned(), audiences.into());
    }
    if rule.flag("forwardOriginalToken") {
        provider.insert("forward".to_owned(), true.into());
    }
    let headers: Vec<Value> = rule
        .list("fromHeaders")
        .map(|header| match header.filled("prefix") {
            Some(prefix) => json!({"name": header.text("name"), "value_prefix": prefix}),
            None => json!({"name": header.text("name")}),
        })
        .collect();
    for (name, list) in [
        ("from_headers", headers),
        ("from_params", rule.texts("fromParams").into_iter().map(Value::from).collect()),
        ("from_cookies", rule.texts("fromCookies").into_iter().map(Value::from).collect()),
    ] {
        if !list.is_empty() {
            provider.insert(name.to_owned(), list.into());
        }
    }
    let (key, source) = match uri {
        Some((written, uri)) => (
            "remote_jwks",
            json!({
                "http_uri": {
                    "uri": written,
                    "cluster": cluster_name(uri),
                    "timeout": rule.duration("timeout").unwrap_or_else(|| "5s".to_owned()),
                },
                "cache_duration": "300s",
            }),
        ),
        None => ("local_jwks", json!({"inline_string": rule.filled("jwks").unwrap_or(NO_KEYS)})),
    };
    provider.insert(key.to_owned(), source);
    Value::Object(provider)
}

fn cluster_name(uri: &JwksUri) -> String {
    format!("jwks_outbound|{}||{}", uri.port(), uri.host())
}

fn cluster(uri: &JwksUri) -> Value {
    let (name, host) = (cluster_name(uri), uri.host());
    let is_address = host.parse::<IpAddr>().is_ok();
    let mut cluster = json!({
        "type": if is_address { "STATIC" } else { "STRICT_DNS" },
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "10s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(host, uri.port())}}]}],
        },
        "name": name,
    });
    if let (true, Value::Object(fields)) = (uri.is_tls(), &mut cluster) {
        // A server name is never an address (RFC 6066).
        fields.insert("transport_socket".to_owned(), tls::to_server(host, !is_address));
    }
    typed("envoy.config.cluster.v3.Cluster", cluster)
}
