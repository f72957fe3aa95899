//! The JWT filter, as istiod makes it from a RequestAuthentication (`convertToEnvoyJwtConfig` in `policy_applier.go`).
//!
//! An invalid token is refused. A request without a token goes on to Sallyport's filter, where no rule for claims matches it.

use sallyport_egress::model::JwtProvider;
use serde_json::{Value, json};

use super::inputs::HostPort;
use super::message::typed;

/// The filter for these providers. `clusters` has for each the cluster of its key set.
pub(super) fn filter(providers: &[JwtProvider], clusters: &[Option<String>]) -> Value {
    let name = |index: usize| json!({"provider_name": format!("origins-{index}")});
    let optional = |index: usize| json!({"requires_any": {"requirements": [name(index), {"allow_missing": {}}]}});
    let requires = if providers.len() == 1 {
        optional(0)
    } else {
        // One valid token is enough; otherwise every token in the request must be valid.
        let mut any: Vec<Value> = (0..providers.len()).map(name).collect();
        let all: Vec<Value> = (0..providers.len()).map(optional).collect();
        any.push(json!({"requires_all": {"requirements": all}}));
        json!({"requires_any": {"requirements": any}})
    };
    let configured = providers.iter().zip(clusters).enumerate();
    let providers: serde_json::Map<String, Value> = configured
        .map(|(index, (rule, cluster))| (format!("origins-{index}"), provider(rule, cluster.as_ref())))
        .collect();
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", json!({
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requires}],
            "bypass_cors_preflight": true,
        })),
    })
}

fn provider(rule: &JwtProvider, cluster: Option<&String>) -> Value {
    let mut provider = json!({
        "issuer": rule.issuer,
        "audiences": rule.audiences,
        "forward": false,
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
    });
    let (key, source) = match (&rule.jwks, &rule.jwks_uri, cluster) {
        (None, Some(uri), Some(cluster)) => (
            "remote_jwks",
            json!({
                "http_uri": {"uri": uri, "cluster": cluster, "timeout": "5s"},
                "cache_duration": "300s",
            }),
        ),
        (jwks, ..) => ("local_jwks", json!({"inline_string": jwks.as_deref().unwrap_or(NO_KEYS)})),
    };
    if let Value::Object(fields) = &mut provider {
        fields.insert(key.to_owned(), source);
    }
    provider
}

/// A key set that verifies no token.
const NO_KEYS: &str = r#"{"keys":[]}"#;

/// The location of a key set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JwksUri {
    pub(crate) server: HostPort,
    pub(crate) tls: bool,
}

impl JwksUri {
    /// `http[s]://HOST[:PORT]/...`; `None` for anything else.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let (tls, rest) = match uri.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, uri.strip_prefix("http://")?),
        };
        let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.contains('@'))?;
        let default_port = if tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        (!host.is_empty()).then_some(JwksUri { server: HostPort { host, port }, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_is_fetched_where_its_uri_says() {
        let parsed = |uri| JwksUri::parse(uri).map(|JwksUri { server, tls }| (server.host, server.port, tls));
        assert_eq!(parsed("https://id.example/keys"), Some(("id.example".into(), 443, true)));
        assert_eq!(parsed("http://127.0.0.1:9000/k?a=b:c"), Some(("127.0.0.1".into(), 9000, false)));
        assert_eq!(parsed("https://[::1]/k"), Some(("::1".into(), 443, true)));
        assert_eq!(parsed("https://[::1]:1/k"), Some(("::1".into(), 1, true)));
        for bad in ["", "id.example", "ftp://a/b", "https://", "https:///k", "http://a:b/", "http://a@b/"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
